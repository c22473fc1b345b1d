// Makes a checkout ready to run: installs what is missing, builds what is stale, and says nothing when neither is.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const sourceFolders = ['apps', 'libs', 'projections', 'test'];
const at = (...parts) => join(root, ...parts);
const digest = (text) => createHash('sha256').update(text).digest('hex');
const stampOf = (path) => (existsSync(path) ? readFileSync(path, 'utf8') : '');

function install() {
  const wanted = digest(`${process.versions.modules} ${process.platform} ${readFileSync(at('package-lock.json'), 'utf8')}`);
  const stamp = at('node_modules', '.leadstream-installed');
  if (stampOf(stamp) === wanted) return;
  console.error('Installing dependencies …');
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const { status, error } = spawnSync(npm, ['ci', '--loglevel=error', '--include=dev'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  });
  if (error || status !== 0) throw new Error(`npm ci failed${error ? `: ${error.message}` : ` with code ${status}`}`);
  writeFileSync(stamp, wanted);
}

function* filesBelow(folder) {
  for (const entry of readdirSync(at(folder), { withFileTypes: true })) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) yield* filesBelow(path);
    else yield path;
  }
}

async function build() {
  const sources = sourceFolders.filter((folder) => existsSync(at(folder))).flatMap((folder) => [...filesBelow(folder)]);
  const facts = [...sources, '.swcrc', 'package-lock.json', 'scripts/prepare.mjs'].map((file) => {
    const { size, mtimeMs } = statSync(at(file));
    return `${file} ${size} ${mtimeMs}`;
  });
  const wanted = digest(facts.join('\n'));
  const stamp = at('dist', '.built');
  if (stampOf(stamp) === wanted) return;
  console.error('Building …');
  rmSync(at('dist'), { recursive: true, force: true });
  const { transformFile } = await import('@swc/core');
  await Promise.all(
    sources.map(async (file) => {
      const target = at('dist', file.replace(/\.ts$/, '.js'));
      if (!file.endsWith('.ts') || file.endsWith('.d.ts')) return;
      const { code, map } = await transformFile(at(file), { cwd: root, sourceFileName: pathToFileURL(at(file)).href });
      mkdirSync(dirname(target), { recursive: true });
      writeFileSync(target, `${code}\n//# sourceMappingURL=${target.split(/[\\/]/).at(-1)}.map\n`);
      writeFileSync(`${target}.map`, map);
    }),
  );
  writeFileSync(stamp, wanted);
}

export async function prepare() {
  install();
  await build();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await prepare();
