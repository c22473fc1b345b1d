// `npm start [app]`: prepares the checkout, then becomes the app (default: the root project of nest-cli.json).
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { prepare, root } from './prepare.mjs';

const house = JSON.parse(readFileSync(join(root, 'nest-cli.json'), 'utf8'));
const apps = Object.keys(house.projects).filter((name) => house.projects[name].type === 'application');
const [name = basename(house.root), ...rest] = process.argv.slice(2);
const app = house.projects[name];
if (!apps.includes(name)) {
  console.error(`There is no app "${name}". Apps: ${apps.join(', ')}.`);
  process.exit(2);
}
await prepare();
const entry = join(root, 'dist', app.sourceRoot, `${app.entryFile}.js`);
process.argv = [process.argv[0], entry, ...rest];
await import(pathToFileURL(entry).href);
