/**
 * A failure that the person who runs Leadstream can fix: a setting, a folder, a server, an argument. Programs print its message
 * without a stack trace, so the message says what is wrong and what to do. Any other error is a bug.
 */
export class OperatorError extends Error {
  override readonly name = 'OperatorError';

  constructor(
    message: string,
    /** 2: the command line is wrong. 1: anything else. */
    readonly exitCode: 1 | 2 = 1,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Prints why a program fails and returns its exit code. */
export function reportFatalError(error: unknown): number {
  if (!(error instanceof OperatorError)) {
    console.error(error);
    return 1;
  }
  console.error(error.message);
  return error.exitCode;
}

/** "an error." → "An error." */
export const asSentence = (text: string): string => {
  const sentence = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(sentence) ? sentence : `${sentence}.`;
};
