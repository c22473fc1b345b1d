// `npm start [app]`: prepares the checkout, then runs the app in this process (default: the root project of nest-cli.json).
// nest-cli.json only lists the apps and libraries, for this script and for editors: @nestjs/cli is not installed, because its
// compiler does not know the path imports of package.json. Use `npm run dev` where you would use `nest start --watch`.
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { prepare, root } from './prepare.mjs';

const workspace = JSON.parse(readFileSync(join(root, 'nest-cli.json'), 'utf8'));
const apps = Object.keys(workspace.projects).filter((name) => workspace.projects[name].type === 'application');
const [first = '', ...others] = process.argv.slice(2);
const isAppNamed = first !== '' && !first.startsWith('-');
const [name, rest] = isAppNamed ? [first, others] : [basename(workspace.root), process.argv.slice(2)];
if (!apps.includes(name)) {
  console.error(`There is no app "${name}". Apps: ${apps.join(', ')}.`);
  process.exit(2);
}
await prepare();
const { sourceRoot, entryFile } = workspace.projects[name];
const entry = join(root, 'dist', sourceRoot, `${entryFile}.js`);
// npm sends signals to its shell, and many shells end without forwarding them. Then the parent process changes.
if (process.env['npm_lifecycle_event']) {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    process.kill(process.pid, 'SIGTERM');
  }, 100).unref();
}
process.argv = [process.argv[0], entry, ...rest];
await import(pathToFileURL(entry).href);
