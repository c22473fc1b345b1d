// Makes a checkout ready to run: installs missing dependencies, builds stale code, and prints nothing when both are current.
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
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
export const sourceFolders = ['apps', 'libs', 'projections', 'test'];
const pathTo = (...parts) => join(root, ...parts);
const digest = (text) => createHash('sha256').update(text).digest('hex');
const textOf = (path) => (existsSync(path) ? readFileSync(path, 'utf8') : '');
const machine = `${process.platform} ${process.arch}`;

/** Ends the process with one sentence if the checkout cannot be made ready. */
export async function prepare() {
  try {
    await prepareOrThrow();
  } catch (error) {
    console.error(error.message);
    process.exit(1);
  }
}

/** @throws Error with one sentence, or the compiler's message, if the checkout cannot be made ready. */
export async function prepareOrThrow() {
  checkNodeVersion();
  if (isInstalled() && isBuilt()) return;
  await withLock(async () => {
    if (!isInstalled()) install();
    if (!isBuilt()) await build();
  });
}

function checkNodeVersion() {
  const minVersion = JSON.parse(textOf(pathTo('package.json'))).engines.node.replace('>=', '');
  const [major, minor] = process.versions.node.split('.').map(Number);
  const [minMajor, minMinor] = minVersion.split('.').map(Number);
  if (major < minMajor || (major === minMajor && minor < minMinor))
    throw new Error(`Leadstream needs Node.js ${minVersion} or later; this is ${process.versions.node}.`);
}

// npm empties node_modules before it installs, so the stamp never outlives the packages that it describes.
const installStamp = pathTo('node_modules', '.leadstream');
const expectedInstallStamp = () => `${machine} ${digest(textOf(pathTo('package-lock.json')))}`;
const isInstalled = () => textOf(installStamp) === expectedInstallStamp();

function install() {
  if (!isInstalledByHand()) {
    console.error('Installing dependencies …');
    rmSync(installStamp, { force: true });
    const isWindows = process.platform === 'win32';
    const { status, error, stderr } = spawnSync(
      isWindows ? 'npm.cmd' : 'npm',
      ['ci', '--include=dev', '--loglevel=error'],
      { cwd: root, stdio: ['ignore', 2, 'pipe'], shell: isWindows, encoding: 'utf8' },
    );
    if (error || status !== 0) throw new Error(installFailure(error, status, stderr ?? ''));
  }
  writeFileSync(installStamp, expectedInstallStamp());
}

function installFailure(error, status, stderr) {
  if (/\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ENETUNREACH|EHOSTUNREACH|ETIMEDOUT|ENOTCACHED)\b/.test(stderr))
    return 'The npm registry cannot be reached. The first start needs it to install the dependencies. Connect to the network and try again.';
  return `${stderr}npm ci failed: ${error?.message ?? `exit code ${status}`}.`;
}

/** Whether npm was run by hand, as in `npm install <package>`. npm lists the installed packages in node_modules. */
function isInstalledByHand() {
  const stamp = textOf(installStamp);
  const lock = textOf(pathTo('node_modules', '.package-lock.json'));
  if (!lock || (stamp && !stamp.startsWith(`${machine} `))) return false;
  const installed = JSON.parse(lock).packages;
  const wanted = Object.entries(JSON.parse(textOf(pathTo('package-lock.json'))).packages).filter(([path]) => path);
  // A missing optional package belongs to another operating system or processor.
  return wanted.every(([path, { integrity, optional }]) =>
    installed[path] ? installed[path].integrity === integrity : optional,
  );
}

const buildStamp = pathTo('dist', '.built');
const isBuilt = () => textOf(buildStamp) === expectedBuildStamp(sources());
const sources = () =>
  sourceFolders.filter((folder) => existsSync(pathTo(folder))).flatMap((folder) => [...filesBelow(folder)]);
const expectedBuildStamp = (files) =>
  digest(
    [...files, '.swcrc', 'package-lock.json', 'scripts/prepare.mjs']
      .map((file) => [file, statSync(pathTo(file))])
      .map(([file, { size, mtimeMs }]) => `${file} ${size} ${mtimeMs}`)
      .join('\n'),
  );

function* filesBelow(folder) {
  for (const entry of readdirSync(pathTo(folder), { withFileTypes: true })) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) yield* filesBelow(path);
    else yield path;
  }
}

/** Builds into `dist.new`, which then replaces `dist`, so that no process ever finds an incomplete build. */
async function build() {
  console.error('Building …');
  const { transformFile } = await import('@swc/core');
  const files = sources();
  const stamp = expectedBuildStamp(files);
  const compile = (file) =>
    transformFile(pathTo(file), { cwd: root, sourceFileName: pathToFileURL(pathTo(file)).href }).catch((error) => {
      throw new Error(error.message.split('\n\nCaused by')[0]);
    });
  const compiled = await Promise.all(
    files
      .filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'))
      .map(async (file) => [file.replace(/ts$/, 'js'), await compile(file)]),
  );
  const output = pathTo('dist.new');
  rmSync(output, { recursive: true, force: true });
  const outputPath = (file) => {
    mkdirSync(dirname(join(output, file)), { recursive: true });
    return join(output, file);
  };
  for (const [file, { code, map }] of compiled) {
    writeFileSync(outputPath(file), `${code}\n//# sourceMappingURL=${basename(file)}.map\n`);
    writeFileSync(outputPath(`${file}.map`), map);
  }
  // Other files, such as pages and schemas, are read from the folder of the code.
  for (const file of files) if (!/[.](ts|md)$/.test(file)) copyFileSync(pathTo(file), outputPath(file));
  writeFileSync(outputPath('.built'), stamp);
  rmSync(pathTo('dist'), { recursive: true, force: true });
  renameSync(output, pathTo('dist'));
}

/** Only one process at a time prepares this checkout. The others wait until it has finished or died. */
async function withLock(work) {
  const lock = pathTo('.preparing');
  let hasReported = false;
  for (;;) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    const holder = Number(textOf(lock));
    if (!isAlive(holder)) rmSync(lock, { force: true });
    else if (!hasReported) console.error(`Waiting for process ${holder} to prepare this checkout (see ${lock}) …`);
    hasReported = true;
    await sleep(100);
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
