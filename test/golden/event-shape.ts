/** Fields that contain free-form JSON of the caller. */
const opaqueFields = ['personal.media', 'personal.integration', 'personal.parameters'];

/**
 * Returns the kinds of values at each path of these events: `data.origin.campaign.id` is a `string`, `data.origin.campaign` an
 * `object` with these keys or `null`, `personal.factors[]` an `object`. Sets of events with the same schema have equal shapes.
 */
export function describeShape(events: readonly object[]): Record<string, readonly string[]> {
  const kinds = new Map<string, Set<string>>();
  const visit = (path: string, value: unknown): void => {
    const known = kinds.get(path) ?? new Set();
    kinds.set(path, known.add(kindOf(path, value)));
    if (typeof value !== 'object' || value === null || opaqueFields.includes(path)) return;
    if (Array.isArray(value)) for (const item of value) visit(`${path}[]`, item);
    else for (const [key, child] of Object.entries(value)) visit(path === '' ? key : `${path}.${key}`, child);
  };
  for (const event of events) visit('', event);
  return Object.fromEntries([...kinds].toSorted().map(([path, kindsOfPath]) => [path, [...kindsOfPath].toSorted()]));
}

function kindOf(path: string, value: unknown): string {
  if (value === null) return 'null';
  if (opaqueFields.includes(path)) return 'anything';
  if (Array.isArray(value)) return 'array';
  return typeof value === 'object' ? `{ ${Object.keys(value).toSorted().join(', ')} }` : typeof value;
}
