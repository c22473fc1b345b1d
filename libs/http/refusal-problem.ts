import { isRefusal, Refusal, type RefusalCode } from '#domain/refusal';
import { toBulkResultResource } from '#resources/bulk.resource';
import { Problem } from './problem.js';

type FieldNames = Readonly<Record<string, string>>;

/** The request's name of a field that has another name in the domain. */
const headerNames: FieldNames = { commandTime: 'X-Occurred-At' };
const fieldNamesByCommand: Readonly<Record<string, FieldNames>> = {
  ChangeStatus: { score: 'qualificationScore' },
  StartBulk: { dueAt: 'action.dueAt' },
};

/** Awaits a command's response. A rejected field gets the name that the request has for it. */
export async function withRequestFieldNames<Response>(
  commandType: string,
  response: Promise<Response>,
): Promise<Response> {
  try {
    return await response;
  } catch (error) {
    if (!isRefusal(error) || !isRefusedAs('validation_failed', error)) throw error;
    const names = { ...headerNames, ...fieldNamesByCommand[commandType] };
    const errors = error.details.errors.map((invalid) => ({
      ...invalid,
      field: names[invalid.field] ?? invalid.field,
    }));
    throw new Refusal('validation_failed', { errors });
  }
}

export const refusalToProblem = (refusal: Refusal): Problem =>
  new Problem(
    refusal.code,
    refusal.message,
    isRefusedAs('bulk_rejected', refusal)
      ? { ...refusal.details, results: refusal.details.results.map(toBulkResultResource) }
      : refusal.details,
  );

const isRefusedAs = <Code extends RefusalCode>(code: Code, refusal: Refusal): refusal is Refusal<Code> =>
  refusal.code === code;
