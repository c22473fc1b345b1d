type Doc = Readonly<Record<string, unknown>>;

/** As the storage of views makes them: all ascending. */
export interface IndexSpec {
  readonly key: Doc;
  /** Only documents with these values stand in it. */
  readonly partialFilterExpression?: Doc;
}

/**
 * Whether MongoDB could answer a query from one of these indexes, in the order asked for: behind the fields that one value is asked
 * of, the index must go on with those that are sorted by. What is counted, or has no order, needs an index that begins with a field
 * asked for. Which of several the real planner takes is its own affair.
 */
export function hasSuitableIndex(
  indexes: readonly IndexSpec[],
  filter: Doc,
  sort: Readonly<Record<string, number>> = {},
): boolean {
  const clauses = Object.entries(filter).flatMap(([field, value]) =>
    field === '$and'
      ? (value as readonly Doc[]).flatMap((clause) => Object.entries(clause))
      : [[field, value] as const],
  );
  const asked = new Set(clauses.map(([field]) => field));
  const single = new Set(clauses.flatMap(([field, value]) => (isOneValue(value) ? [field] : [])));
  const open = (fields: readonly string[]): readonly string[] => fields.filter((field) => !single.has(field));
  const order = open(Object.keys(sort));
  if (new Set(Object.values(sort)).size > 1) return false;
  const holds = (partial: Doc): boolean =>
    Object.entries(partial).every(([field, value]) =>
      clauses.some(([name, it]) => name === field && isOneValue(it) && valueOf(it) === value),
    );
  return indexes.some(({ key, partialFilterExpression = {} }) => {
    if (!holds(partialFilterExpression)) return false;
    const fields = Object.keys(key);
    const rest = open(fields);
    if (order.length > 0) return order.every((field, nth) => rest[nth] === field);
    return asked.has(fields[0]!);
  });
}

const isOneValue = (value: unknown): boolean =>
  typeof value !== 'object' ||
  value === null ||
  ('$eq' in value && Object.keys(value).length === 1) ||
  ('$in' in value && (value.$in as readonly unknown[]).length === 1);

const valueOf = (value: unknown): unknown =>
  typeof value === 'object' && value !== null && '$eq' in value ? value.$eq : value;
