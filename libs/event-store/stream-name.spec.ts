import { describe, expect, it } from '@jest/globals';
import * as ids from '#commands/ids';
import { checkStreamName, isStreamName } from './stream-name.js';

describe('stream names', () => {
  const streamFunctions = Object.entries(ids).filter(([name]) => name.endsWith('Stream')) as [
    string,
    (org: string, id: string) => string,
  ][];

  it('every stream that a command appends to has a valid stream name', () => {
    expect(streamFunctions.length).toBeGreaterThan(5);
    for (const [name, streamOf] of streamFunctions)
      expect([name, isStreamName(streamOf('demo', 'x'))]).toEqual([name, true]);
  });

  it.each(['', 'contact', 'answer-1', '$all', 'x-contact-demo-1'])(
    '%p is not a valid stream name, and the error says how to add a kind of stream',
    (name) => {
      expect(isStreamName(name)).toBe(false);
      expect(() => checkStreamName(name)).toThrow(
        new TypeError(`"${name}" is not a stream of the log. Add its kind to libs/event-store/stream-name.ts.`),
      );
    },
  );
});
