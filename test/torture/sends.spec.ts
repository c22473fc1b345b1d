import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { DeciderService } from '#commands/decider-service';
import { buildCommandContext } from '#commands/command-context';
import { deriveContactKey, deriveMessageKey, messageStream } from '#commands/ids';
import type { RecordedEvent } from '#domain/event';
import { messageDecider } from '#domain/message/message.decide';
import { selectBestAttempt, computeDeliveryProgress } from '#domain/message/message.delivery';
import { App } from '../support/app.js';
import {
  postBroadcast,
  getBroadcast,
  campaign,
  batchOutcomes,
  receiptBody,
  postReceipts,
  getRecipients,
  postMessages,
  template,
} from '../support/broadcast-steps.js';
import { getAllItems, uniqueId, postInteraction } from '../support/api-steps.js';

/**
 * Kills a process that records sends and receipts at random moments, several times on the same data. A send makes two appends.
 * A send that was interrupted between them must be completed, and every acknowledged item must be stored exactly once.
 */
const rounds = Number(process.env['TORTURE_ROUNDS'] ?? 5);
const clients = 8;
const ID_KEY = 'the key of this torture';
const app = new App({ ID_KEY });
beforeAll(() => app.start());
afterAll(() => app.dispose());

const pick = <T>(values: readonly T[]): T => values[Math.floor(Math.random() * values.length)]!;
const contactIds = Array.from({ length: 300 }, (_, index) => `recipient-${index}`);
let broadcastId: string;

interface Batch {
  readonly kind: 'sends' | 'receipts';
  readonly items: readonly object[];
  acknowledged: boolean;
}
const batches: Batch[] = [];
const messageIds: string[] = [];

const post = ({ kind, items }: Batch) =>
  kind === 'sends' ? postMessages(app, broadcastId, items) : postReceipts(app, items);

/** Returns false if the service did not respond. */
async function send(batch: Batch): Promise<boolean> {
  const response = await post(batch).catch(() => undefined);
  if (!response) return false;
  expect(response.status).toBe(200);
  batch.acknowledged = true;
  return true;
}

/** Sends batches of both kinds until the process is gone. Some receipts are for messages that are not recorded yet. */
async function runClient(): Promise<void> {
  for (;;) {
    const newIds = Array.from({ length: 10 }, () => uniqueId('bm'));
    messageIds.push(...newIds);
    const sends: Batch = {
      kind: 'sends',
      items: newIds.map((messageId) => ({ contactId: pick(contactIds), messageId })),
      acknowledged: false,
    };
    const receipts: Batch = {
      kind: 'receipts',
      items: Array.from({ length: 10 }, () =>
        receiptBody(pick(messageIds), pick(['sent', 'delivered', 'read', 'failed']), pick([1, 2, 3])),
      ),
      acknowledged: false,
    };
    batches.push(sends, receipts);
    if (!(await send(sends)) || !(await send(receipts))) return;
  }
}

/** Reads the log from its start and waits for new events until `isEnough`. Only the timeout of the test limits the wait. */
async function readLogUntil(
  isEnough: (events: readonly RecordedEvent[]) => boolean,
): Promise<readonly RecordedEvent[]> {
  const log = await app.openLog();
  const stop = new AbortController();
  const events: RecordedEvent[] = [];
  try {
    for await (const batch of log.events.follow(log.events.start, { signal: stop.signal })) {
      events.push(...batch.events);
      if (isEnough(events)) break;
    }
    return events;
  } finally {
    stop.abort();
    await log.events.close();
  }
}

const sentIn = (events: readonly RecordedEvent[]): string[] =>
  events.flatMap((event) => (event.type === 'MessageSent' ? [event.data.messageId] : []));
const addressedIn = (events: readonly RecordedEvent[]): string[] =>
  events.flatMap((event) => (event.type === 'BroadcastAddressed' ? [event.data.messageId] : []));

test(
  `the service restarts after each of ${rounds} kills during sends`,
  async () => {
    broadcastId = await postBroadcast(app);
    for (let round = 0; round < rounds; round++) {
      const load = Array.from({ length: clients }, runClient);
      await new Promise((resolve) => setTimeout(resolve, 100 + Math.random() * 500));
      await app.kill();
      await Promise.all(load);
      await app.start();
      // Half of the batches without a response are sent again. An automation must complete the others.
      for (const batch of batches) if (!batch.acknowledged && Math.random() < 0.5) await send(batch);
    }
    expect(batches.filter(({ acknowledged }) => acknowledged).length).toBeGreaterThan(rounds * 2);
  },
  60_000 + rounds * 20_000,
);

test('an automation completes a send that was interrupted between its two appends', async () => {
  await app.kill();
  const contactId = uniqueId('interrupted');
  const messageId = uniqueId('bm');
  const log = await app.openLog({ write: true });
  try {
    const now = new Date().toISOString();
    const actor = { type: 'service', id: 'api' } as const;
    const messageKey = deriveMessageKey(ID_KEY, 'default', 'whatsapp', messageId);
    await new DeciderService(log.events, () => now).handle(
      messageDecider,
      messageStream('default', messageKey),
      {
        type: 'RecordSend',
        messageKey,
        messageId,
        contactKey: deriveContactKey(ID_KEY, 'default', contactId),
        contactId,
        broadcast: { id: broadcastId, channel: 'whatsapp', campaign, template },
        attempt: 1,
        parameters: null,
        sentAt: null,
      },
      buildCommandContext({ org: 'default', actor, now, correlation: 'interrupted' }),
      () => undefined,
    );
  } finally {
    await log.events.close();
  }
  await app.start();
  await readLogUntil((events) => addressedIn(events).includes(messageId));
  const { lead } = await postInteraction(app, { contactId, kind: 'broadcast_reply' });
  expect(lead.origin).toMatchObject({ attribution: 'window', broadcastId });
});

test('every recorded message is addressed to its contact once', async () => {
  const isComplete = (events: readonly RecordedEvent[]): boolean => {
    const addressed = new Set(addressedIn(events));
    return sentIn(events).every((messageId) => addressed.has(messageId));
  };
  const { position } = await postInteraction(app);
  const events = await readLogUntil((all) => all.at(-1)!.position >= position && isComplete(all));
  const sent = sentIn(events);
  expect(new Set(sent).size).toBe(sent.length);
  expect(addressedIn(events).toSorted()).toEqual(sent.toSorted());
});

test('every item of an acknowledged batch is a duplicate when it is sent again', async () => {
  const acknowledged = batches.filter((batch) => batch.acknowledged);
  const sampleEvery = Math.ceil(acknowledged.length / 100);
  for (const batch of acknowledged.filter((_, index) => index % sampleEvery === 0)) {
    expect(new Set(batchOutcomes(await post(batch)))).toEqual(new Set(['duplicate']));
  }
});

test('broadcast counters match the recipients in the log, and a rebuild returns the same recipients and counters', async () => {
  const { position: after } = await postInteraction(app);
  const recipients = await getRecipients(app, broadcastId, { after });
  const { counters } = await getBroadcast(app, broadcastId, after);

  // The expected counters are computed from the log.
  const events = await readLogUntil((all) => all.at(-1)!.position >= after);
  const receipts = new Map<string, Parameters<typeof selectBestAttempt>[0][number]['receipts'][number][]>();
  const attempts = new Map<string, { messageId: string; attempt: number }[]>();
  for (const { type, data, meta } of events) {
    if (type === 'MessageSent') {
      const { contactKey, attempt } = data.recipient;
      attempts.set(contactKey, [...(attempts.get(contactKey) ?? []), { messageId: data.messageId, attempt }]);
    }
    if (type === 'ReceiptRecorded') {
      const { status, timed, messageId } = data;
      const { occurredAt: at, recordedAt } = meta;
      receipts.set(messageId, [...(receipts.get(messageId) ?? []), { status, at, timed, recordedAt, error: null }]);
    }
  }
  const deliveries = [...attempts.values()].map(
    (ofRecipient) =>
      selectBestAttempt(
        ofRecipient.map((attempt) => ({ ...attempt, receipts: receipts.get(attempt.messageId) ?? [] })),
      )!.delivery,
  );
  const progress = deliveries.map(computeDeliveryProgress);
  expect(counters).toEqual({
    recipients: deliveries.length,
    sent: progress.filter((step) => step >= 1).length,
    delivered: progress.filter((step) => step >= 2).length,
    read: progress.filter((step) => step >= 3).length,
    failed: deliveries.filter(({ state }) => state === 'failed').length,
    replied: recipients.filter(({ repliedLeadId }) => repliedLeadId !== null).length,
  });
  expect(recipients).toHaveLength(deliveries.length);

  await app.stop();
  await app.wipeViews();
  await app.start();
  expect(await getAllItems(app, `/v1/broadcasts/${broadcastId}/recipients`, { after, wait: 30_000 })).toEqual(
    recipients,
  );
  expect((await getBroadcast(app, broadcastId, after)).counters).toEqual(counters);
});
