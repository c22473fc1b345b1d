// Generated pages of the documentation: `{ path, render }`, where `render` returns Markdown.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import prettier from 'prettier';
import { root } from './prepare.mjs';

async function format({ path, render }) {
  const file = join(root, path);
  return prettier.format(await render(), { ...(await prettier.resolveConfig(file)), filepath: file });
}

export async function writePage(page) {
  const file = join(root, page.path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, await format(page));
  console.log(`Wrote ${page.path}.`);
}

/** Writes the page. `node <script> --check [file]` only compares the file (default: the page) and fails if it is not current. */
export async function checkPage(page) {
  const [option, file = join(root, page.path)] = process.argv.slice(2);
  try {
    if (option !== '--check') await writePage(page);
    else if (readFileSync(file, 'utf8') !== (await format(page)))
      throw new Error(`${relative(root, file)} is not current. Run npm run docs.`);
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
