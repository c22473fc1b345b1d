import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DeciderService } from '#commands/decider-service';
import {
  agentStream,
  createCommandId,
  deriveContactKey,
  contactStream,
  exportStream,
  deriveId,
  createIdFactory,
} from '#commands/ids';
import { agentDecider, type AgentCommand } from '#domain/agent/agent.decide';
import { broadcastDecider, type CreateBroadcast } from '#domain/broadcast/broadcast.decide';
import { bulkDecider, type BulkCommand, type RequestBulk } from '#domain/bulk/bulk.decide';
import type { BulkResult } from '#domain/bulk/bulk.results';
import type { ContactCommand } from '#domain/contact/contact.commands';
import { contactDecider } from '#domain/contact/contact.decide';
import type { Decider } from '#domain/decider';
import { leadExportDecider, type RecordExport } from '#domain/export/export.decide';
import type { Actor, StoredEvent } from '#domain/event-envelope';
import type { DomainEvent } from '#domain/event';
import { messageDecider, type NewReceipt, type MessageCommand, type RecordSend } from '#domain/message/message.decide';
import { SqliteLog } from '#event-store/sqlite/sqlite-log';
import * as ask from '#test/support/given-when-then';

const org = 'org-1';
const ana: Actor = { type: 'agent', id: 'agent-1' };
const reminder: Actor = { type: 'system', id: 'remind-follow-ups' };
const scorer: Actor = { type: 'ai', id: 'scorer' };
const full = { name: 'Contact One', phone: '+15550100', email: 'contact.one@example.test' };
const none = { name: null, phone: null, email: null };

/** Who is meant by a command's names. */
const who = (contactId: string) => ({ contactId, contactKey: deriveContactKey('golden', org, contactId) });
const one = who('contact-1');
const two = who('contact-2');
const lead1 = { leadId: `${one.contactKey}-1` };
const lead2 = { leadId: `${two.contactKey}-1` };
const messageOf = ({ contactKey }: typeof one, channel: string, messageId: string) =>
  createIdFactory(contactStream(org, contactKey))('interaction', channel, messageId);
const followUp = (nth: number) => deriveId(createCommandId(org, `follow-up ${nth}`), 'follow-up');
const dueAt = '2026-03-09T09:00:00.000Z';

type AnyCommand = AgentCommand | BulkCommand | ContactCommand | CreateBroadcast | MessageCommand | RecordExport;

const template = { name: 'template_one', language: 'en', category: 'marketing', body: 'Good morning, {{1}}' };
const createBroadcast = (of: Partial<CreateBroadcast> = {}): CreateBroadcast => ({
  type: 'CreateBroadcast',
  broadcastId: 'b-1',
  name: 'Broadcast One',
  channel: 'whatsapp',
  campaign: ask.campaign,
  template,
  ...of,
});
const messageKey = (messageId: string) => deriveContactKey('golden', org, messageId);
const send = (messageId: string, of: Partial<RecordSend> = {}): RecordSend => ({
  type: 'RecordSend',
  messageKey: messageKey(messageId),
  messageId,
  ...one,
  broadcast: { id: 'b-1', channel: 'whatsapp', campaign: ask.campaign, template },
  attempt: 1,
  parameters: null,
  sentAt: null,
  ...of,
});
const receive = (messageId: string, ...receipts: readonly NewReceipt[]): MessageCommand => ({
  type: 'RecordReceipts',
  messageKey: messageKey(messageId),
  channel: 'whatsapp',
  messageId,
  receipts,
});
const untimed = { status: 'accepted', at: null, error: null } as const;
const delivered = { status: 'delivered', at: '2026-03-02T10:00:07.000Z', error: null } as const;
const failed = (detail: string | null) =>
  ({ status: 'failed', at: '2026-03-02T10:00:08.000Z', error: { code: '131026', detail } }) as const;

const exported = (of: Partial<RecordExport> = {}): RecordExport => ({
  type: 'RecordExport',
  exportId: 'e-1',
  scope: 'all',
  format: 'csv',
  columns: ['id', 'name'],
  timeZone: 'Europe/Berlin',
  sort: '-createdAt',
  filter: [{ name: 'status', value: 'new,lost' }],
  position: 'p7',
  count: 2,
  q: null,
  contactId: null,
  ...of,
});

/** Commands that between them make every event in every variant: each absent fact is there at least once, and once not. */
const lead = (index: number) => ({ index, id: `${one.contactKey}-${index + 1}` });
const done: BulkResult = { ...lead(0), outcome: 'ok', code: null, version: 7 };
const refused: BulkResult = { ...lead(1), outcome: 'rejected', code: 'lead_inactive', version: null };
const target = (bulkId: string): BulkCommand => ({
  ...{ type: 'TargetBulk', bulkId, selection: 'selection-1', from: 0 },
  leadIds: [lead(0).id, lead(1).id],
});
const requestBulk = (bulkId: string, of: Partial<RequestBulk> = {}): BulkCommand => ({
  ...{ type: 'RequestBulk', bulkId, selection: 'selection-1', total: 2, mode: 'best_effort', blockSize: 200 },
  action: { type: 'change_status', status: 'lost', score: 10, reason: 'Too old', note: 'Spring' },
  backdated: false,
  filter: null,
  ...of,
});
const record = (bulkId: string, phase: 'check' | 'carry out', block: number, results: readonly BulkResult[]) =>
  ({ type: 'RecordItems', bulkId, task: { phase, round: 0, block }, results }) as const;

const story: readonly (readonly [AnyCommand, Actor?])[] = [
  [ask.registerAgent({ agentId: 'agent-1', name: 'Agent One', email: 'agent.one@example.test', capacity: 20 })],
  [ask.registerAgent({ agentId: 'agent-2', name: 'Agent Two' })],
  [ask.changeAgent({ agentId: 'agent-1', name: 'Agent Uno', capacity: null })],
  [ask.changeAgent({ agentId: 'agent-2', capacity: 5, active: false })],
  [ask.changeAgent({ agentId: 'agent-2', active: true })],

  [ask.broadcast({ ...one, profile: full, sentAt: '2026-03-02T08:00:00.000Z' })],
  [ask.interaction({ ...one, kind: 'broadcast_reply', inReplyTo: 'bm-1', occurredAt: ask.sentAt('09:00:00') })],
  [ask.interaction({ ...one, messageId: 'm-2', profile: none, text: null, media: { url: 'https://example.test/1' } })],
  [
    ask.interaction({
      ...one,
      messageId: 'm-3',
      profile: full,
      kind: 'integration',
      integration: { form: 'Form One' },
    }),
  ],
  [ask.interaction({ ...one, messageId: 'm-4', text: 'STOP' })],
  [ask.outbound(lead1), ana],
  [ask.outbound({ ...lead1, messageId: 'out-2', text: null, sentAt: '2026-03-02T08:30:00.000Z' }), ana],
  [ask.changeStatus('qualified', { ...lead1, score: 80, reason: 'Has a budget', note: 'Call on Monday' }), ana],
  [ask.scoreByHand(75, { ...lead1, reason: 'Smaller order', note: 'By phone' }), ana],
  [ask.aiResult(64, lead1), scorer],
  [ask.aiResult(60, { ...lead1, readUpTo: messageOf(one, 'whatsapp', 'm-1') }), scorer],
  [ask.unpin(lead1), ana],
  [ask.aiFailure({ ...lead1, readUpTo: messageOf(one, 'whatsapp', 'm-3') }), scorer],
  [ask.aiResult(66, lead1), scorer],
  [ask.assign('agent-1', { ...lead1, note: 'Knows the contact' }), ana],
  [ask.createFollowUp({ ...lead1, followUpId: followUp(1), dueAt, note: 'Send the offer' }), ana],
  [ask.createFollowUp({ ...lead1, followUpId: followUp(2), dueAt }), ana],
  [ask.createFollowUp({ ...lead1, followUpId: followUp(3), dueAt: '2026-03-02T10:23:00.000Z' }), ana],
  [ask.reschedule('2026-03-10T09:00:00.000Z', { ...lead1, followUpId: followUp(1), reason: 'Not there' }), ana],
  [ask.reschedule('2026-03-11T09:00:00.000Z', { ...lead1, followUpId: followUp(1) }), ana],
  [ask.remind('2026-03-02T10:23:00.000Z', { ...lead1, followUpId: followUp(3) }), reminder],
  [ask.assign('agent-2', lead1), ana],
  [ask.completeFollowUp({ ...lead1, followUpId: followUp(1), note: 'Spoke to them' }), ana],
  [ask.cancelFollowUp({ ...lead1, followUpId: followUp(2), reason: 'Not needed' }), ana],
  [ask.unassign(lead1), ana],
  [ask.changeStatus('converted', lead1), ana],
  [ask.aiResult(90, lead1), scorer],
  [ask.interaction({ ...one, messageId: 'm-5' })],

  [ask.createLead(two)],
  [ask.aiResult(10, { ...lead2, modelVersion: null, rationale: null, factors: [] }), scorer],
  [ask.aiResult(20, { ...lead2, modelVersion: null, rationale: null, factors: [] }), scorer],
  [ask.scoreByHand(30, lead2), ana],
  [ask.aiResult(40, { ...lead2, modelVersion: null, rationale: null, factors: [] }), scorer],
  [ask.createFollowUp({ ...lead2, followUpId: followUp(4), dueAt: '2026-03-02T10:40:00.000Z' })],
  [ask.remind('2026-03-02T10:40:00.000Z', { ...lead2, followUpId: followUp(4) }), reminder],
  [ask.completeFollowUp({ ...lead2, followUpId: followUp(4) }), ana],
  [ask.changeStatus('archived', lead2), ana],
  [ask.aiResult(50, { ...lead2, modelVersion: null, rationale: null, factors: [] }), scorer],
  [ask.createLead({ ...two, channel: 'email', origin: 'integration', note: 'Met at the fair', profile: full })],

  [createBroadcast()],
  [createBroadcast({ broadcastId: 'b-2', template: { ...template, category: null, body: null } })],
  [receive('bm-1', untimed, delivered, failed('Undeliverable'), failed(null))],
  [send('bm-1', { parameters: ['Contact One'], sentAt: '2026-03-02T08:00:00.000Z' })],
  [receive('bm-1', { status: 'read', at: '2026-03-02T10:09:00.000Z', error: null })],
  [receive('bm-2', failed(null))],
  [
    send('bm-2', {
      broadcast: { id: 'b-2', channel: 'sms', campaign: ask.campaign, template: { ...template, category: null } },
    }),
  ],

  [exported(), ana],
  [exported({ exportId: 'e-2', scope: 'page', format: 'ndjson', q: 'contact', contactId: 'contact-1' })],
  [target('bulk-1'), ana],
  [requestBulk('bulk-1', { mode: 'all_or_nothing', filter: { q: 'contact' } }), ana],
  [record('bulk-1', 'check', 0, [done, done]), ana],
  [record('bulk-1', 'carry out', 0, [done, refused]), ana],
  [{ type: 'RetryBulk', bulkId: 'bulk-1' }, ana],
  [{ type: 'CancelBulk', bulkId: 'bulk-1' }, ana],
  [target('bulk-2')],
  [
    requestBulk('bulk-2', {
      action: { type: 'assign', agentId: 'agent-1', moveFollowUps: true, note: null },
      mode: 'all_or_nothing',
    }),
  ],
  [record('bulk-2', 'check', 0, [done, refused])],
  [target('bulk-3')],
  [
    requestBulk('bulk-3', {
      action: { type: 'create_follow_up', dueAt, note: null, assigneeId: 'agent-1', alsoSetStatus: false },
    }),
  ],
];

/** What those commands write today, as it lies in the log. */
export async function generateGoldenEvents(): Promise<readonly StoredEvent[]> {
  const folder = mkdtempSync(join(tmpdir(), 'golden-'));
  const log = SqliteLog.open({ file: join(folder, 'events.db') });
  try {
    let minutes = 0;
    const timeOf = (milliseconds: number) => new Date(Date.UTC(2026, 2, 2, 10, minutes, 0, milliseconds)).toISOString();
    const clock = () => timeOf(250);
    const handling = new DeciderService(log.events, clock);
    const streams = new Set<string>();
    for (const [command, actor = ask.gateway] of story) {
      minutes++;
      const now = timeOf(0);
      const commandId = createCommandId(org, `golden ${minutes}`);
      const asked = { org, actor, commandId, requestHash: null, now, backdated: false, expectedVersion: null };
      const envelope = { ...asked, correlation: commandId, causation: commandId };
      const carry = <S, C, E extends DomainEvent>(decider: Decider<S, C, E>, stream: string, asked: C) => {
        streams.add(stream);
        return handling.handle(decider, stream, asked, envelope, () => undefined);
      };
      if (command.type === 'RegisterAgent' || command.type === 'ChangeAgent')
        await carry(agentDecider, agentStream(org, command.agentId), command);
      else if (command.type === 'CreateBroadcast')
        await carry(broadcastDecider, `broadcast-${org}-${command.broadcastId}`, command);
      else if (command.type === 'RecordExport')
        await carry(leadExportDecider, exportStream(org, command.exportId), command);
      else if (command.type === 'RecordSend' || command.type === 'RecordReceipts')
        await carry(messageDecider, `message-${org}-${command.messageKey}`, command);
      else if ('bulkId' in command) await carry(bulkDecider, `bulk-${org}-${command.bulkId}`, command);
      else {
        const key = 'contactKey' in command ? command.contactKey : command.leadId.slice(0, -2);
        await carry(contactDecider, contactStream(org, key), command);
      }
    }
    const events = await Promise.all([...streams].map((stream) => log.events.read(stream, 0, 1_000)));
    return events
      .flat()
      .map(({ stream: _, version: __, position: ___, ...stored }) => stored as unknown as StoredEvent);
  } finally {
    await log.close();
    rmSync(folder, { recursive: true });
  }
}
