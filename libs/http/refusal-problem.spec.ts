import { describe, expect, it } from '@jest/globals';
import { invalidField, refuse } from '#domain/refusal';
import { refusalToProblem, withRequestFieldNames } from './refusal-problem.js';

const fieldsOf = (commandType: string, field: string) =>
  withRequestFieldNames(commandType, Promise.reject(invalidField(field, 'code', 'message'))).catch((error: unknown) =>
    (error as ReturnType<typeof invalidField>).details.errors.map((invalid) => invalid.field),
  );

describe('withRequestFieldNames', () => {
  it.each([
    ['AssignAgent', 'commandTime', 'X-Occurred-At'],
    ['ChangeStatus', 'commandTime', 'X-Occurred-At'],
    ['ChangeStatus', 'score', 'qualificationScore'],
    ['RecordAiResult', 'score', 'score'],
    ['StartBulk', 'dueAt', 'action.dueAt'],
    ['CreateFollowUp', 'dueAt', 'dueAt'],
  ])('a refusal of %s that names the field %s names it %s in the response', async (commandType, field, requestField) =>
    expect(await fieldsOf(commandType, field)).toEqual([requestField]),
  );

  it('the message of a refusal names the field of the request', async () => {
    const rejected = Promise.reject(invalidField('commandTime', 'before_last_command', 'must not be before'));
    await expect(withRequestFieldNames('AssignAgent', rejected)).rejects.toMatchObject({
      code: 'validation_failed',
      message: 'X-Occurred-At: must not be before',
    });
  });

  it('withRequestFieldNames does not change responses and other errors', async () => {
    expect(await withRequestFieldNames('ChangeStatus', Promise.resolve(7))).toBe(7);
    for (const error of [refuse('conflict', {}), new Error('score')])
      await expect(withRequestFieldNames('ChangeStatus', Promise.reject(error))).rejects.toBe(error);
  });
});

describe('refusalToProblem', () => {
  it('a refusal becomes a problem with its code, message and details', () =>
    expect(refusalToProblem(refuse('version_mismatch', { version: 7 })).toJSON('/v1/agents/ana')).toEqual({
      type: 'urn:leadstream:problem:version_mismatch',
      title: expect.any(String),
      status: 412,
      detail: 'Version mismatch: the current version is 7.',
      instance: '/v1/agents/ana',
      code: 'version_mismatch',
      version: 7,
    }));

  it('a problem bulk_rejected contains the results as callers see them', () => {
    const results = [
      { index: 0, id: 'a', outcome: 'ok', code: null, version: 3 },
      { index: 1, id: 'b', outcome: 'rejected', code: 'lead_inactive', version: null },
    ] as const;
    const summary = { total: 2, ok: 1, unchanged: 0, rejected: 1 };
    expect(refusalToProblem(refuse('bulk_rejected', { bulkId: 'bulk-1', summary, results })).details).toEqual({
      bulkId: 'bulk-1',
      summary,
      results: [
        { index: 0, id: 'a', outcome: 'ok', version: 3 },
        { index: 1, id: 'b', outcome: 'rejected', code: 'lead_inactive' },
      ],
    });
  });
});
