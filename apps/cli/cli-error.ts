/** What stops a command, in a sentence for the person who gave it: no stack is shown. */
export class CliError extends Error {
  override readonly name = 'Trouble';
}
