import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { DeciderService } from '#commands/decider-service';
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
 * A process that records sends and receipts is killed at random moments, again and again on the same data. A send is two
 * appends: what a kill leaves between them must heal by itself, and whatever was acknowledged is there, once.
 */
const rounds = Number(process.env['TORTURE_ROUNDS'] ?? 5);
const clients = 8;
const ID_KEY = 'the key of this torture';
const app = new App({ ID_KEY });
beforeAll(() => app.start());
afterAll(() => app.dispose());

const any = <T>(of: readonly T[]): T => of[Math.floor(Math.random() * of.length)]!;
const contacts = Array.from({ length: 300 }, (_, nth) => `recipient-${nth}`);
let broadcastId: string;

interface Asked {
  readonly items: readonly object[];
  readonly what: 'sends' | 'receipts';
  acknowledged: boolean;
}
const asked: Asked[] = [];
const messageIds: string[] = [];

const ask = ({ what, items }: Asked) =>
  what === 'sends' ? postMessages(app, broadcastId, items) : postReceipts(app, items);

/** False: nobody answers any more. */
async function carryOut(it: Asked): Promise<boolean> {
  const answer = await ask(it).catch(() => undefined);
  if (!answer) return false;
  expect(answer.status).toBe(200);
  return (it.acknowledged = true);
}

/** Batches of both kinds, receipts also of messages that nobody has recorded yet, until the process is gone. */
async function client(): Promise<void> {
  for (;;) {
    const fresh = Array.from({ length: 10 }, () => uniqueId('bm'));
    messageIds.push(...fresh);
    const said = Array.from({ length: 10 }, () =>
      receiptBody(any(messageIds), any(['sent', 'delivered', 'read', 'failed']), any([1, 2, 3])),
    );
    const both: Asked[] = [
      {
        what: 'sends',
        items: fresh.map((messageId) => ({ contactId: any(contacts), messageId })),
        acknowledged: false,
      },
      { what: 'receipts', items: said, acknowledged: false },
    ];
    asked.push(...both);
    for (const it of both) if (!(await carryOut(it))) return;
  }
}

/** The log from its beginning, and on, until `enough`; how long that may take, the test's own time says. */
async function logUntil(enough: (events: readonly RecordedEvent[]) => boolean): Promise<readonly RecordedEvent[]> {
  const log = await app.openLog();
  const stop = new AbortController();
  const events: RecordedEvent[] = [];
  try {
    for await (const batch of log.events.follow(log.events.start, { signal: stop.signal })) {
      events.push(...batch.events);
      if (enough(events)) break;
    }
    return events;
  } finally {
    stop.abort();
    await log.events.close();
  }
}

const sentIn = (events: readonly RecordedEvent[]): string[] =>
  events.flatMap((it) => (it.type === 'MessageSent' ? [it.data.messageId] : []));
const addressedIn = (events: readonly RecordedEvent[]): string[] =>
  events.flatMap((it) => (it.type === 'BroadcastAddressed' ? [it.data.messageId] : []));

test(
  `killed ${rounds} times in the middle of sends`,
  async () => {
    broadcastId = await postBroadcast(app);
    for (let round = 0; round < rounds; round++) {
      const load = Array.from({ length: clients }, client);
      await new Promise((resolve) => setTimeout(resolve, 100 + Math.random() * 500));
      await app.kill();
      await Promise.all(load);
      await app.start();
      // Half of what nobody answered is sent again; the rest is left to heal.
      for (const it of asked) if (!it.acknowledged && Math.random() < 0.5) await carryOut(it);
    }
    expect(asked.filter((it) => it.acknowledged).length).toBeGreaterThan(rounds * 2);
  },
  60_000 + rounds * 20_000,
);

test('a send that was cut off between its two appends heals without being repeated', async () => {
  await app.kill();
  const contactId = uniqueId('cut-off');
  const messageId = uniqueId('bm');
  const log = await app.openLog({ write: true });
  try {
    const now = new Date().toISOString();
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
      {
        org: 'default',
        actor: { type: 'service', id: 'api' },
        commandId: 'b2b0a1e4-0d0c-4b6e-9a55-1f6f0f0d2c11',
        requestHash: null,
        now,
        backdated: false,
        correlation: 'cut off',
        causation: 'cut off',
        expectedVersion: null,
      },
      () => undefined,
    );
  } finally {
    await log.events.close();
  }
  await app.start();
  await logUntil((events) => addressedIn(events).includes(messageId));
  const { lead } = await postInteraction(app, { contactId, kind: 'broadcast_reply' });
  expect(lead.origin).toMatchObject({ attribution: 'window', broadcastId });
});

test('every message that was sent is known to its contact, once', async () => {
  const isHealed = (events: readonly RecordedEvent[]): boolean => {
    const addressed = new Set(addressedIn(events));
    return sentIn(events).every((it) => addressed.has(it));
  };
  const { position } = await postInteraction(app);
  const events = await logUntil((all) => all.at(-1)!.position >= position && isHealed(all));
  const [sent, addressed] = [sentIn(events), addressedIn(events)];
  expect(new Set(sent).size).toBe(sent.length);
  expect(addressed.toSorted()).toEqual(sent.toSorted());
});

test('everything acknowledged is there, and is a duplicate when it comes again', async () => {
  const acknowledged = asked.filter((it) => it.acknowledged);
  for (const it of acknowledged.filter((_, nth) => nth % Math.ceil(acknowledged.length / 100) === 0)) {
    expect(new Set(batchOutcomes(await ask(it)))).toEqual(new Set(['duplicate']));
  }
});

test('the counters are those of the recipients, and a rebuild makes the same of the log', async () => {
  const { position: after } = await postInteraction(app);
  const recipients = await getRecipients(app, broadcastId, { after });
  const { counters } = await getBroadcast(app, broadcastId, after);

  // Counted by hand from the log.
  const events = await logUntil((all) => all.at(-1)!.position >= after);
  const receipts = new Map<string, Parameters<typeof selectBestAttempt>[0][number]['receipts'][number][]>();
  const attempts = new Map<string, { messageId: string; attempt: number }[]>();
  for (const it of events) {
    if (it.type === 'MessageSent') {
      const { contactKey, attempt } = it.data.recipient;
      attempts.set(contactKey, [...(attempts.get(contactKey) ?? []), { messageId: it.data.messageId, attempt }]);
    }
    if (it.type === 'ReceiptRecorded') {
      const { status, timed, messageId } = it.data;
      const { occurredAt: at, recordedAt } = it.meta;
      receipts.set(messageId, [...(receipts.get(messageId) ?? []), { status, at, timed, recordedAt, error: null }]);
    }
  }
  const best = [...attempts.values()].map(
    (own) => selectBestAttempt(own.map((it) => ({ ...it, receipts: receipts.get(it.messageId) ?? [] })))!.delivery,
  );
  const progress = best.map(computeDeliveryProgress);
  expect(counters).toEqual({
    recipients: best.length,
    sent: progress.filter((it) => it >= 1).length,
    delivered: progress.filter((it) => it >= 2).length,
    read: progress.filter((it) => it >= 3).length,
    failed: best.filter((it) => it.state === 'failed').length,
    replied: recipients.filter((it) => it.repliedLeadId !== null).length,
  });
  expect(recipients).toHaveLength(best.length);

  await app.stop();
  await app.wipeViews();
  await app.start();
  expect(await getAllItems(app, `/v1/broadcasts/${broadcastId}/recipients`, { after, wait: 30_000 })).toEqual(
    recipients,
  );
  expect((await getBroadcast(app, broadcastId, after)).counters).toEqual(counters);
});
