// Makes a checkout ready to run: installs what is missing, builds what is stale, and says nothing when neither is.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const sourceFolders = ['apps', 'libs', 'projections', 'test'];
const at = (...parts) => join(root, ...parts);
const digest = (text) => createHash('sha256').update(text).digest('hex');
const textOf = (path) => (existsSync(path) ? readFileSync(path, 'utf8') : '');
const machine = `${process.platform} ${process.arch}`;

/** Ends the process with one sentence if the checkout can't be made ready. */
export async function prepare() {
  try {
    checkNode();
    if (isInstalled() && isBuilt()) return;
    await alone(async () => {
      if (!isInstalled()) install();
      if (!isBuilt()) await build();
    });
  } catch (error) {
    console.error(error.message);
    process.exit(1);
  }
}

function checkNode() {
  const least = JSON.parse(textOf(at('package.json'))).engines.node.replace('>=', '');
  const [major, minor] = process.versions.node.split('.').map(Number);
  const [leastMajor, leastMinor] = least.split('.').map(Number);
  if (major < leastMajor || (major === leastMajor && minor < leastMinor))
    throw new Error(`Leadstream needs Node.js ${least} or newer; this is ${process.versions.node}.`);
}

// The stamp lies in node_modules, which npm empties before it installs: it never outlives what it stands for.
const installStamp = at('node_modules', '.leadstream');
const installWanted = () => `${machine} ${digest(textOf(at('package-lock.json')))}`;
const isInstalled = () => textOf(installStamp) === installWanted();

function install() {
  if (!isInstalledByHand()) {
    console.error('Installing dependencies …');
    rmSync(installStamp, { force: true });
    const windows = process.platform === 'win32';
    const { status, error } = spawnSync(windows ? 'npm.cmd' : 'npm', ['ci', '--include=dev', '--loglevel=error'], {
      cwd: root,
      stdio: ['ignore', 2, 2],
      shell: windows,
    });
    if (error || status !== 0) throw new Error(`npm ci failed: ${error?.message ?? `exit code ${status}`}.`);
  }
  writeFileSync(installStamp, installWanted());
}

/** After `npm install <package>` there is nothing to do: npm notes in node_modules what it has put there. */
function isInstalledByHand() {
  const stamp = textOf(installStamp);
  const notes = textOf(at('node_modules', '.package-lock.json'));
  if (!notes || (stamp && !stamp.startsWith(`${machine} `))) return false;
  const found = JSON.parse(notes).packages;
  const wanted = Object.entries(JSON.parse(textOf(at('package-lock.json'))).packages).filter(([path]) => path);
  // Optional ones are for other machines where they are missing.
  return wanted.every(([path, { integrity, optional }]) =>
    found[path] ? found[path].integrity === integrity : optional,
  );
}

const builtStamp = at('dist', '.built');
const isBuilt = () => textOf(builtStamp) === buildWanted(sources());
const sources = () =>
  sourceFolders.filter((folder) => existsSync(at(folder))).flatMap((folder) => [...filesBelow(folder)]);
const buildWanted = (files) =>
  digest(
    [...files, '.swcrc', 'package-lock.json', 'scripts/prepare.mjs']
      .map((file) => [file, statSync(at(file))])
      .map(([file, { size, mtimeMs }]) => `${file} ${size} ${mtimeMs}`)
      .join('\n'),
  );

function* filesBelow(folder) {
  for (const entry of readdirSync(at(folder), { withFileTypes: true })) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) yield* filesBelow(path);
    else yield path;
  }
}

/** Beside `dist`, then in its place, so that no process ever finds half a build. */
async function build() {
  console.error('Building …');
  const { transformFile } = await import('@swc/core');
  const files = sources();
  const stamp = buildWanted(files);
  const compile = (file) =>
    transformFile(at(file), { cwd: root, sourceFileName: pathToFileURL(at(file)).href }).catch((error) => {
      throw new Error(error.message.split('\n\nCaused by')[0]);
    });
  const compiled = await Promise.all(
    files
      .filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'))
      .map(async (file) => [file.replace(/ts$/, 'js'), await compile(file)]),
  );
  const made = at('dist.new');
  rmSync(made, { recursive: true, force: true });
  const placeOf = (file) => {
    mkdirSync(dirname(join(made, file)), { recursive: true });
    return join(made, file);
  };
  for (const [file, { code, map }] of compiled) {
    writeFileSync(placeOf(file), `${code}\n//# sourceMappingURL=${basename(file)}.map\n`);
    writeFileSync(placeOf(`${file}.map`), map);
  }
  // Pages, schemas and the like are read from beside the code.
  for (const file of files) if (!/[.](ts|md)$/.test(file)) copyFileSync(at(file), placeOf(file));
  writeFileSync(placeOf('.built'), stamp);
  rmSync(at('dist'), { recursive: true, force: true });
  renameSync(made, at('dist'));
}

/** One process at a time prepares this checkout; the others wait, unless that one has died. */
async function alone(work) {
  const lock = at('.preparing');
  let told = false;
  for (;;) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    const holder = Number(textOf(lock));
    if (!isAlive(holder)) rmSync(lock, { force: true });
    else if (!told) console.error(`Waiting for process ${holder}, which prepares this checkout (see ${lock}) …`);
    told = true;
    await pause(100);
  }
  try {
    await work();
  } finally {
    rmSync(lock, { force: true });
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await prepare();
