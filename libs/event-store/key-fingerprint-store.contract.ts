import { describe, expect, it } from '@jest/globals';
import type { EventStore } from './event-store.js';
import type { KeyFingerprintStore } from './key-fingerprint-store.js';

interface Log {
  readonly events: EventStore;
  readonly keyFingerprint: KeyFingerprintStore;
}

/**
 * The tests that every adapter must pass.
 * @param open Opens the same log each time. It must be new before the first call.
 */
export function describeKeyFingerprintStore(name: string, open: () => Promise<Log>): void {
  describe(`${name} as a store of the key's fingerprint`, () => {
    it('finds no fingerprint in a new log, keeps the first of many, and finds it after the log was opened again', async () => {
      const log = await open();
      expect(await log.keyFingerprint.find()).toBeUndefined();
      const saved = await Promise.all(['a', 'b', 'c'].map((text) => log.keyFingerprint.saveIfAbsent(text)));
      expect(new Set(saved).size).toBe(1);
      const [fingerprint] = saved;
      expect(await log.keyFingerprint.saveIfAbsent('d')).toBe(fingerprint);
      await log.events.close();

      const reopened = await open();
      expect(await reopened.keyFingerprint.find()).toBe(fingerprint);
      await reopened.events.close();
    });

    it('stores the fingerprint beside the events: the log stays empty', async () => {
      const log = await open();
      await log.keyFingerprint.saveIfAbsent('a');
      expect(await log.events.head()).toBe(log.events.start);
      await log.events.close();
    });
  });
}
