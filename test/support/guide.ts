/*
 * Reads a guide of docs/guides that changes code. A step is a numbered heading. The line before a code block says where the code goes:
 *
 *   In `libs/a.ts` and `libs/b.ts`, after `a line of the file`:       also `before`, and `replace … with`
 *   New file `libs/c.ts`:
 *
 * A line of the file is compared without its indentation, and must occur once. `…` at its end stands for the rest of the line. The
 * code is indented like that line.
 */

export interface GuideEdit {
  readonly files: readonly string[];
  readonly position: 'after' | 'before' | 'replace' | 'new file';
  readonly anchor: string;
  readonly code: readonly string[];
}

/** What the compiler reports if the step is skipped. */
export interface CompilerReminder {
  readonly file: string;
  readonly message: string;
}

export interface GuideStep {
  readonly number: number;
  readonly title: string;
  readonly edits: readonly GuideEdit[];
  readonly reminders: readonly CompilerReminder[];
}

/** The steps of a guide, which is Markdown. */
export const parseGuide = (markdown: string): readonly GuideStep[] =>
  [...markdown.matchAll(/^## (\d+)\. ([^\n]*)\n(.*?)(?=^## |(?![^]))/gms)].map(([, number, title = '', body = '']) => ({
    number: Number(number),
    title,
    edits: parseEdits(body),
    reminders: [...body.matchAll(/the compiler reports in\s+`([^`]+)`:\s+`([^`]+)`/g)].map(
      ([, file = '', message = '']) => ({ file, message }),
    ),
  }));

function parseEdits(body: string): readonly GuideEdit[] {
  const newFile = '^New file `(?<newFile>[^`]+)`:';
  const change =
    '^In (?<files>[^\\n]+?), (?<position>after|before|replace) (?<quote>`+) ?(?<anchor>[^\\n]+?) ?\\k<quote>(?: with)?:';
  const blocks = new RegExp(`(?:${newFile}|${change})\\n+\`\`\`\\w+\\n(?<code>.*?)^\`\`\`$`, 'gms');
  return [...body.matchAll(blocks)].map(({ groups = {} }) => {
    const files = [...(groups['files'] ?? '').matchAll(/`([^`]+)`/g)].map(([, file = '']) => file);
    return {
      files: groups['newFile'] === undefined ? files : [groups['newFile']],
      position: groups['newFile'] === undefined ? (groups['position'] as GuideEdit['position']) : 'new file',
      anchor: groups['anchor'] ?? '',
      code: groups['code']!.split('\n').slice(0, -1),
    };
  });
}

/** The text of a file after an edit. `text` is undefined if there is no such file. */
export function applyEdit(edit: GuideEdit, file: string, text: string | undefined): string {
  const { position, anchor, code } = edit;
  if (position === 'new file') {
    if (text !== undefined) throw new Error(`${file} is new in the guide, but exists.`);
    return `${code.join('\n')}\n`;
  }
  if (text === undefined) throw new Error(`The guide changes ${file}, which does not exist.`);
  const lines = text.split('\n');
  const isAnchor = (line: string): boolean =>
    anchor.endsWith('…') ? line.trim().startsWith(anchor.slice(0, -1)) : line.trim() === anchor;
  const found = lines.flatMap((line, index) => (isAnchor(line) ? [index] : []));
  if (found.length !== 1) throw new Error(`${file} has ${found.length} lines "${anchor}", instead of one.`);
  const [index] = found as [number];
  const indent = /^ */.exec(lines[index]!)![0];
  const indented = code.map((line) => (line === '' ? '' : indent + line));
  // Several lines are separated by an empty line if the line of the file is.
  const separator = (neighbor: string | undefined): string[] => (code.length > 1 && neighbor === '' ? [''] : []);
  const inserted = {
    after: [lines[index]!, ...separator(lines[index + 1]), ...indented],
    before: [...indented, ...separator(lines[index - 1]), lines[index]!],
    replace: indented,
  }[position];
  return lines.toSpliced(index, 1, ...inserted).join('\n');
}

/** The files that these edits change, with their new texts. `read` returns undefined if there is no such file. */
export function applyEdits(
  edits: readonly GuideEdit[],
  read: (file: string) => string | undefined,
): ReadonlyMap<string, string> {
  const texts = new Map<string, string>();
  for (const edit of edits)
    for (const file of edit.files) texts.set(file, applyEdit(edit, file, texts.get(file) ?? read(file)));
  return texts;
}
