type Doc = Readonly<Record<string, unknown>>;

/** An index as the view store creates it: all fields ascending. */
export interface IndexSpec {
  readonly key: Doc;
  /** The index contains only documents with these values. */
  readonly partialFilterExpression?: Doc;
}

/**
 * Whether MongoDB could use one of these indexes for a query, in its sort order: apart from fields that must have a single value,
 * the index must begin with the sort fields. A query without a sort order needs an index that begins with a field of its filter.
 * Which index the real planner chooses is not predicted.
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
  const filterFields = new Set(clauses.map(([field]) => field));
  const fixedFields = new Set(clauses.flatMap(([field, value]) => (isSingleValue(value) ? [field] : [])));
  const withoutFixed = (fields: readonly string[]): readonly string[] =>
    fields.filter((field) => !fixedFields.has(field));
  const sortFields = withoutFixed(Object.keys(sort));
  if (new Set(Object.values(sort)).size > 1) return false;
  const isImpliedByFilter = (partial: Doc): boolean =>
    Object.entries(partial).every(([field, value]) =>
      clauses.some(([name, condition]) => name === field && isSingleValue(condition) && valueOf(condition) === value),
    );
  return indexes.some(({ key, partialFilterExpression = {} }) => {
    if (!isImpliedByFilter(partialFilterExpression)) return false;
    const fields = Object.keys(key);
    const orderedFields = withoutFixed(fields);
    if (sortFields.length > 0) return sortFields.every((field, index) => orderedFields[index] === field);
    return filterFields.has(fields[0]!);
  });
}

const isSingleValue = (value: unknown): boolean =>
  typeof value !== 'object' ||
  value === null ||
  ('$eq' in value && Object.keys(value).length === 1) ||
  ('$in' in value && (value.$in as readonly unknown[]).length === 1);

const valueOf = (value: unknown): unknown =>
  typeof value === 'object' && value !== null && '$eq' in value ? value.$eq : value;
