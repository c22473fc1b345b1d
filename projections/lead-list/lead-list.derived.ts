import { isFinal, statuses } from '#domain/lead/lead.vocabulary';
import type { Condition } from '#read-model/view-store';

const firstFinalStatus = statuses.findIndex(isFinal);

/**
 * Conditions that business rules imply for a filter of leads: a closed lead has no open follow-up, and no event of a lead precedes
 * its creation. They let the storage find the rows faster.
 */
export const deriveConditions = (where: readonly Condition[]): readonly Condition[] => where.flatMap(deriveFrom);

function deriveFrom(condition: Condition): readonly Condition[] {
  const { column } = condition;
  if ('in' in condition) {
    const values = condition.in;
    const every = (test: (value: unknown) => boolean): boolean => values.length > 0 && values.every(test);
    if (column === 'active' && every((value) => value === 1)) return [{ column: 'status', to: firstFinalStatus }];
    if (column === 'active' && every((value) => value === 0))
      return [{ column: 'status', from: firstFinalStatus }, withoutFollowUp];
    if (column === 'status' && every((value) => Number(value) < firstFinalStatus)) return [active];
    if (column === 'status' && every((value) => Number(value) >= firstFinalStatus)) return [inactive, withoutFollowUp];
    return [];
  }
  if ('notNull' in condition) return [];
  const { from, to } = condition;
  if (column === 'nextFollowUpAt') return [active, { column: 'status', to: firstFinalStatus }];
  if (column === 'updatedAt' && to !== undefined) return [{ column: 'createdAt', to }];
  if (column === 'createdAt' && from !== undefined) return [{ column: 'updatedAt', from }];
  return [];
}

const active: Condition = { column: 'active', in: [1] };
const inactive: Condition = { column: 'active', in: [0] };
const withoutFollowUp: Condition = { column: 'nextFollowUpAt', in: [null] };
