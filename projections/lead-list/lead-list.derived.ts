import { isFinal, statuses } from '#domain/lead/lead.vocabulary';
import type { Condition } from '#read-model/view-store';

const firstFinal = statuses.findIndex(isFinal);

/**
 * What follows from a filter of leads, for the columns of the list: a closed lead has no follow-up, and nothing happens to a
 * lead before it is there. It leads to the rows by a shorter way.
 */
export const deriveConditions = (where: readonly Condition[]): readonly Condition[] => where.flatMap(follows);

function follows(condition: Condition): readonly Condition[] {
  const { column } = condition;
  if ('in' in condition) {
    const all = (holds: (value: unknown) => boolean): boolean => condition.in.length > 0 && condition.in.every(holds);
    if (column === 'active' && all((it) => it === 1)) return [{ column: 'status', to: firstFinal }];
    if (column === 'active' && all((it) => it === 0)) return [{ column: 'status', from: firstFinal }, withoutFollowUp];
    if (column === 'status' && all((it) => Number(it) < firstFinal)) return [active];
    if (column === 'status' && all((it) => Number(it) >= firstFinal)) return [inactive, withoutFollowUp];
    return [];
  }
  if ('notNull' in condition) return [];
  const { from, to } = condition;
  if (column === 'nextFollowUpAt') return [active, { column: 'status', to: firstFinal }];
  if (column === 'updatedAt' && to !== undefined) return [{ column: 'createdAt', to }];
  if (column === 'createdAt' && from !== undefined) return [{ column: 'updatedAt', from }];
  return [];
}

const active: Condition = { column: 'active', in: [1] };
const inactive: Condition = { column: 'active', in: [0] };
const withoutFollowUp: Condition = { column: 'nextFollowUpAt', in: [null] };
