/** Of these we store what the caller sent, whatever it is. */
const opaque = ['personal.media', 'personal.integration', 'personal.parameters'];

/**
 * What kinds of value stand where in these events: `data.origin.campaign.id` is a `string`, `data.origin.campaign` an `object`
 * with these keys or `null`, `personal.factors[]` an `object`. Two sets of events of one shape give the same.
 */
export function describeShape(events: readonly object[]): Record<string, readonly string[]> {
  const kinds = new Map<string, Set<string>>();
  const look = (path: string, value: unknown): void => {
    const known = kinds.get(path) ?? new Set();
    kinds.set(path, known.add(kindOf(path, value)));
    if (typeof value !== 'object' || value === null || opaque.includes(path)) return;
    if (Array.isArray(value)) for (const item of value) look(`${path}[]`, item);
    else for (const [key, inner] of Object.entries(value)) look(path === '' ? key : `${path}.${key}`, inner);
  };
  for (const event of events) look('', event);
  return Object.fromEntries([...kinds].toSorted().map(([path, all]) => [path, [...all].toSorted()]));
}

function kindOf(path: string, value: unknown): string {
  if (value === null) return 'null';
  if (opaque.includes(path)) return 'anything';
  if (Array.isArray(value)) return 'array';
  return typeof value === 'object' ? `{ ${Object.keys(value).toSorted().join(', ')} }` : typeof value;
}
