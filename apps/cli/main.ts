import { Command, CommanderError } from 'commander';
import { reportFatalError } from '#wiring/operator-error';
import { createPrivateFiles } from '#wiring/private-files';
import { toOperatorError } from '#wiring/stores';
import { backup } from './backup.command.js';
import { migrate } from './migrate.command.js';
import { rebuild } from './rebuild.command.js';
import { restore } from './restore.command.js';
import { status } from './status.command.js';
import { stream } from './stream.command.js';
import { tidy } from './tidy.command.js';
import { verify } from './verify.command.js';

const program = new Command('npm run cli --')
  .description('Commands for operators and analysts. They read the same environment variables as the service.')
  .exitOverride();
for (const command of [status, rebuild, tidy, stream, verify, backup, restore, migrate])
  program.addCommand(command.copyInheritedSettings(program));

// The reader of a pipe may stop reading, as in `cli stream … | head`.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

createPrivateFiles();
try {
  await program.parseAsync();
} catch (error) {
  // Commander has already printed the usage or the error.
  if (error instanceof CommanderError) process.exit(error.exitCode === 0 ? 0 : 2);
  // With `process.exitCode` alone, the other requests of a failed command would continue.
  process.exit(reportFatalError(toOperatorError(error)));
}
