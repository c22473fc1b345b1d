import type { EventStore } from '#event-store/event-store';
import type { KeyFingerprintStore } from '#event-store/key-fingerprint-store';
import type { ViewStore } from '#read-model/view-store';
import { parseSettings, type Settings } from '#wiring/settings';
import { openLog, openViews } from '#wiring/stores';

export interface Stores {
  readonly settings: Settings;
  readonly log: EventStore;
  readonly keyFingerprint: KeyFingerprintStore;
  readonly views: ViewStore;
}

/** Opens the configured stores, and closes them after `work`. The log is opened read-only, because the service may be running. */
export async function withStores(work: (stores: Stores) => Promise<void>): Promise<void> {
  const settings = parseSettings(process.env);
  const { events: log, keyFingerprint } = await openLog(settings, { write: false });
  try {
    const views = await openViews(settings, { readerThread: false });
    await work({ settings, log, keyFingerprint, views }).finally(() => views.close());
  } finally {
    await log.close();
  }
}
