// `npm run dev [-- app]`: runs an app as `npm start` does; builds and restarts it when a source file changes.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { watch } from 'node:fs';
import { join } from 'node:path';
import { prepare, prepareOrThrow, root, sourceFolders } from './prepare.mjs';

/** Editors and git change several files at once. */
const settleMs = 150;

const args = process.argv.slice(2);
let app;
let timer;
let restarting = Promise.resolve();

function start() {
  app = spawn(process.execPath, [join(root, 'scripts', 'start.mjs'), ...args], {
    cwd: process.cwd(),
    stdio: 'inherit',
  });
  app.once('exit', (code) => {
    if (code) console.error('The app has stopped. It starts again when a source file changes.');
  });
}

async function stop() {
  if (app.exitCode !== null || app.signalCode !== null) return;
  const exited = once(app, 'exit');
  app.kill('SIGTERM');
  await exited;
}

async function restart() {
  try {
    await prepareOrThrow();
  } catch (error) {
    // The old build keeps running until the source compiles again.
    return console.error(error.message);
  }
  await stop();
  start();
}

await prepare();
start();
for (const folder of sourceFolders.filter((name) => name !== 'test'))
  watch(join(root, folder), { recursive: true }, (_, file) => {
    if (file && /[.](spec|contract|fixture)[.]ts$|~$/.test(file)) return;
    clearTimeout(timer);
    timer = setTimeout(() => (restarting = restarting.then(restart)), settleMs);
  });
for (const signal of ['SIGINT', 'SIGTERM'])
  process.once(signal, async () => {
    await stop();
    process.exit(0);
  });
