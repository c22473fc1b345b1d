// Runs the development tools of node_modules in separate processes, in the same way on every operating system.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { root } from './prepare.mjs';

export const inModules = (path) => join(root, 'node_modules', path);

/** Runs a program of node_modules and shows its output as it arrives. Returns the exit code. */
export async function run(heading, program, args, { nodeOptions = [], stdin = 'ignore' } = {}) {
  console.log(`\n— ${heading}`);
  const child = spawn(process.execPath, [...nodeOptions, inModules(program), ...args], {
    cwd: root,
    stdio: [stdin, 'inherit', 'inherit'],
  });
  return exitCode(heading, child);
}

/** Runs a program of node_modules and shows its output only if it fails. Returns the exit code. */
export async function runQuietly(heading, program, args) {
  const child = spawn(process.execPath, [inModules(program), ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => output.push(chunk));
  const code = await exitCode(heading, child);
  console.log(`\n— ${heading}`);
  if (code !== 0) process.stdout.write(Buffer.concat(output));
  return code;
}

const exitCode = (heading, child) =>
  new Promise((resolve) => {
    child.on('close', (code, signal) => {
      if (signal) console.log(`${heading} was ended by ${signal}.`);
      resolve(code ?? 1);
    });
  });
