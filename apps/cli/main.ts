import { demo } from './demo.command.js';
import { Trouble } from './trouble.js';

/** What can be asked for by name. */
const commands = new Map([['demo', demo]]);

const [name = '', ...args] = process.argv.slice(2);
const command = commands.get(name);
try {
  if (!command) throw new Trouble(`There is no command "${name}". Commands: ${[...commands.keys()].join(', ')}.`);
  await command(args);
} catch (error) {
  // Anything but trouble in words is a bug and shows its stack.
  console.error(error instanceof Trouble ? error.message : error);
  // Not just the code: where one of several requests failed, the others would go on.
  process.exit(1);
}
