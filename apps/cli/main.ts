import { Command, CommanderError } from 'commander';
import { demo } from './demo.command.js';
import { migrate } from './migrate.command.js';
import { rebuild } from './rebuild.command.js';
import { status } from './status.command.js';
import { stream } from './stream.command.js';
import { tidy } from './tidy.command.js';
import { CliError } from './cli-error.js';
import { verify } from './verify.command.js';

const program = new Command('npm run cli --')
  .description(
    "The operator's and the analyst's hands. Settings come from the environment, as those of the service do.",
  )
  .exitOverride();
for (const command of [status, rebuild, tidy, stream, verify, migrate, demo])
  program.addCommand(command.copyInheritedSettings(program));

// What others read, they may stop reading: `cli stream … | head`.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

try {
  await program.parseAsync();
} catch (error) {
  // Usage has been told already, or help was asked for.
  if (error instanceof CommanderError) process.exit(error.exitCode === 0 ? 0 : 2);
  // Anything but trouble in words is a bug and shows its stack.
  console.error(isInWords(error) ? error.message : error);
  // Not just the code: where one of several requests failed, the others would go on.
  process.exit(1);
}

function isInWords(error: unknown): error is Error {
  const names = ['InvalidSettings', 'UnusableLogFile', 'Unavailable', 'ViewsUnavailable', 'ViewBeingBuilt'];
  return error instanceof CliError || (error instanceof Error && names.includes(error.name));
}
