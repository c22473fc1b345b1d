/** Resolves of the callers that wait, oldest first. */
const waiting: (() => void)[] = [];

/**
 * Lets other work of this thread run, for loops that would otherwise never wait for I/O. Each iteration of the event loop resumes one
 * caller, so that many such loops together delay other work by no more than one of their steps.
 */
export function yieldToEventLoop(): Promise<void> {
  return new Promise((resolve) => {
    if (waiting.push(resolve) === 1) setImmediate(resumeNext);
  });
}

function resumeNext(): void {
  waiting.shift()?.();
  if (waiting.length > 0) setImmediate(resumeNext);
}
