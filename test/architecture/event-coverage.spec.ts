import { describe, expect, it } from '@jest/globals';
import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { eventTypes } from '#domain/event-codec';
import { views } from '#projections/index';

describe.each(views.map((view) => [view.name, view] as const))('The view %s', (name, view) => {
  it(`the view ${name} handles or ignores every event type, and none both`, () => {
    const handled = new Set(Object.values(view.tables).flatMap((table) => Object.keys(table.on)));
    expect([...handled, ...view.ignores].toSorted()).toEqual(eventTypes.toSorted());
  });
});

const root = fileURLToPath(new URL('../../', import.meta.url));
const { options } = ts.parseJsonConfigFileContent(
  ts.readConfigFile(join(root, 'tsconfig.json'), (path) => ts.sys.readFile(path)).config,
  ts.sys,
  root,
);
let previous: ts.Program | undefined;

/** Compiles the projections with some files edited. Returns the errors in `projections`, by path. */
function compile(edits: Readonly<Record<string, (text: string) => string>>): ReadonlyMap<string, string> {
  const host = ts.createCompilerHost(options);
  const readFile = host.readFile.bind(host);
  host.readFile = (path) => {
    const text = readFile(path);
    const edit = edits[relative(root, path)];
    if (!edit || text === undefined) return text;
    const edited = edit(text);
    if (edited === text) throw new Error(`The edit of ${path} does not match its text.`);
    return edited;
  };
  const program = ts.createProgram([join(root, 'projections/index.ts'), join(root, summary)], options, host, previous);
  previous = program;
  const errors = new Map<string, string>();
  for (const source of program.getSourceFiles()) {
    const path = relative(root, source.fileName);
    if (!path.startsWith('projections/')) continue;
    const messages = program
      .getSemanticDiagnostics(source)
      .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
    if (messages.length > 0) errors.set(path, messages.join('\n'));
  }
  return errors;
}

const summary = 'projections/lead-history/lead-history.summary.ts';
const leadListPath = 'projections/lead-list/lead-list.projection.ts';
const projectionPaths = readdirSync(join(root, 'projections'), { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.projection.ts'))
  .map((path) => `projections/${path}`);

/** Adds an event type to the union of lead events, as a new feature would. */
const addLeadReopened = {
  'libs/domain/lead/lead.events.ts': (text: string) =>
    text.replace(
      'export type LeadEvent =',
      `export type LeadEvent = EarlierEvent | TypedEvent<'LeadReopened', { leadId: string }>;\ntype EarlierEvent =`,
    ),
};

describe('A new lead event', () => {
  it('a new lead event causes a compile error in every view and in the summaries of the history', () => {
    const errors = compile(addLeadReopened);
    expect([...errors.keys()].toSorted()).toEqual([...projectionPaths, summary].toSorted());
    for (const messages of errors.values()) expect(messages).toContain('LeadReopened');
    expect(errors.get('projections/statistics/statistics.projection.ts')).toMatch(
      /event neither handled nor ignored.*LeadReopened/,
    );
  });

  it('a new lead event does not compile in the lead list even if it is ignored, because the rows mirror the fold', () => {
    const ignoreLeadReopened = (text: string) => text.replace('ignores: [', "ignores: ['LeadReopened',");
    const errors = compile({ ...addLeadReopened, [leadListPath]: ignoreLeadReopened });
    expect(errors.get(leadListPath)).toMatch(/Property 'LeadReopened' is missing in type .* required in type/s);
  });
});
