// `npm start [app]`: prepares the checkout, then becomes the app (default: the root project of nest-cli.json).
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { prepare, root } from './prepare.mjs';

const house = JSON.parse(readFileSync(join(root, 'nest-cli.json'), 'utf8'));
const apps = Object.keys(house.projects).filter((name) => house.projects[name].type === 'application');
const [first = '', ...others] = process.argv.slice(2);
const [name, rest] = first && !first.startsWith('-') ? [first, others] : [basename(house.root), process.argv.slice(2)];
if (!apps.includes(name)) {
  console.error(`There is no app "${name}". Apps: ${apps.join(', ')}.`);
  process.exit(2);
}
await prepare();
const { sourceRoot, entryFile } = house.projects[name];
const entry = join(root, 'dist', sourceRoot, `${entryFile}.js`);
// npm hands a signal to its shell, and many a shell dies of it without a word to us.
if (process.env['npm_lifecycle_event']) {
  const parent = process.ppid;
  const watch = () => process.ppid !== parent && (clearInterval(timer), process.kill(process.pid, 'SIGTERM'));
  const timer = setInterval(watch, 100).unref();
}
process.argv = [process.argv[0], entry, ...rest];
await import(pathToFileURL(entry).href);
