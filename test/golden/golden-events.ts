import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CommandContext } from '#commands/command-context';
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
import { contactKeyOf } from '#domain/lead/lead.id';
import { messageDecider, type NewReceipt, type MessageCommand, type RecordSend } from '#domain/message/message.decide';
import { SqliteLog } from '#event-store/sqlite/sqlite-log';
import * as commands from '#test/support/given-when-then';

const org = 'org-1';
const ana: Actor = { type: 'agent', id: 'agent-1' };
const reminder: Actor = { type: 'system', id: 'remind-follow-ups' };
const scorer: Actor = { type: 'ai', id: 'scorer' };
const fullProfile = { name: 'Contact One', phone: '+15550100', email: 'contact.one@example.test' };
const noProfile = { name: null, phone: null, email: null };

const contact = (contactId: string) => ({ contactId, contactKey: deriveContactKey('golden', org, contactId) });
const firstContact = contact('contact-1');
const secondContact = contact('contact-2');
const lead1 = { leadId: `${firstContact.contactKey}-1` };
const lead2 = { leadId: `${secondContact.contactKey}-1` };
const interactionOf = ({ contactKey }: typeof firstContact, channel: string, messageId: string) =>
  createIdFactory(contactStream(org, contactKey))('interaction', channel, messageId);
const followUp = (number: number) => deriveId(createCommandId(org, `follow-up ${number}`), 'follow-up');
const dueAt = '2026-03-09T09:00:00.000Z';

type AnyCommand = AgentCommand | BulkCommand | ContactCommand | CreateBroadcast | MessageCommand | RecordExport;

const template = { name: 'template_one', language: 'en', category: 'marketing', body: 'Good morning, {{1}}' };
const createBroadcast = (fields: Partial<CreateBroadcast> = {}): CreateBroadcast => ({
  type: 'CreateBroadcast',
  broadcastId: 'b-1',
  name: 'Broadcast One',
  channel: 'whatsapp',
  campaign: commands.campaign,
  template,
  ...fields,
});
const messageKey = (messageId: string) => deriveContactKey('golden', org, messageId);
const send = (messageId: string, fields: Partial<RecordSend> = {}): RecordSend => ({
  type: 'RecordSend',
  messageKey: messageKey(messageId),
  messageId,
  ...firstContact,
  broadcast: { id: 'b-1', channel: 'whatsapp', campaign: commands.campaign, template },
  attempt: 1,
  parameters: null,
  sentAt: null,
  ...fields,
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

const exported = (fields: Partial<RecordExport> = {}): RecordExport => ({
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
  ...fields,
});

const bulkItem = (index: number) => ({ index, id: `${firstContact.contactKey}-${index + 1}` });
const executed: BulkResult = { ...bulkItem(0), outcome: 'ok', code: null, version: 7 };
const rejected: BulkResult = { ...bulkItem(1), outcome: 'rejected', code: 'lead_inactive', version: null };
const target = (bulkId: string): BulkCommand => ({
  type: 'TargetBulk',
  bulkId,
  selection: 'selection-1',
  from: 0,
  leadIds: [bulkItem(0).id, bulkItem(1).id],
});
const requestBulk = (bulkId: string, fields: Partial<RequestBulk> = {}): BulkCommand => ({
  type: 'RequestBulk',
  bulkId,
  selection: 'selection-1',
  total: 2,
  mode: 'best_effort',
  blockSize: 200,
  action: { type: 'change_status', status: 'lost', score: 10, reason: 'Too old', note: 'Spring' },
  backdated: false,
  filter: null,
  ...fields,
});
const record = (bulkId: string, phase: 'check' | 'carry out', block: number, results: readonly BulkResult[]) =>
  ({ type: 'RecordItems', bulkId, task: { phase, round: 0, block }, results }) as const;

/** Commands that write every event type, with each optional value present at least once and absent at least once. */
const history: readonly (readonly [AnyCommand, Actor?])[] = [
  [commands.registerAgent({ agentId: 'agent-1', name: 'Agent One', email: 'agent.one@example.test', capacity: 20 })],
  [commands.registerAgent({ agentId: 'agent-2', name: 'Agent Two' })],
  [commands.changeAgent({ agentId: 'agent-1', name: 'Agent Uno', capacity: null })],
  [commands.changeAgent({ agentId: 'agent-2', capacity: 5, active: false })],
  [commands.changeAgent({ agentId: 'agent-2', active: true })],

  [commands.broadcast({ ...firstContact, profile: fullProfile, sentAt: '2026-03-02T08:00:00.000Z' })],
  [
    commands.interaction({
      ...firstContact,
      kind: 'broadcast_reply',
      inReplyTo: 'bm-1',
      occurredAt: commands.sentAt('09:00:00'),
    }),
  ],
  [
    commands.interaction({
      ...firstContact,
      messageId: 'm-2',
      profile: noProfile,
      text: null,
      media: { url: 'https://example.test/1' },
    }),
  ],
  [
    commands.interaction({
      ...firstContact,
      messageId: 'm-3',
      profile: fullProfile,
      kind: 'integration',
      integration: { form: 'Form One' },
    }),
  ],
  [commands.interaction({ ...firstContact, messageId: 'm-4', text: 'STOP' })],
  [commands.outbound(lead1), ana],
  [commands.outbound({ ...lead1, messageId: 'out-2', text: null, sentAt: '2026-03-02T08:30:00.000Z' }), ana],
  [commands.changeStatus('qualified', { ...lead1, score: 80, reason: 'Has a budget', note: 'Call on Monday' }), ana],
  [commands.scoreByHand(75, { ...lead1, reason: 'Smaller order', note: 'By phone' }), ana],
  [commands.aiResult(64, lead1), scorer],
  [commands.aiResult(60, { ...lead1, readUpTo: interactionOf(firstContact, 'whatsapp', 'm-1') }), scorer],
  [commands.unpin(lead1), ana],
  [commands.aiFailure({ ...lead1, readUpTo: interactionOf(firstContact, 'whatsapp', 'm-3') }), scorer],
  [commands.aiResult(66, lead1), scorer],
  [commands.assign('agent-1', { ...lead1, note: 'Knows the contact' }), ana],
  [commands.createFollowUp({ ...lead1, followUpId: followUp(1), dueAt, note: 'Send the offer' }), ana],
  [commands.createFollowUp({ ...lead1, followUpId: followUp(2), dueAt }), ana],
  [commands.createFollowUp({ ...lead1, followUpId: followUp(3), dueAt: '2026-03-02T10:23:00.000Z' }), ana],
  [commands.reschedule('2026-03-10T09:00:00.000Z', { ...lead1, followUpId: followUp(1), reason: 'Not there' }), ana],
  [commands.reschedule('2026-03-11T09:00:00.000Z', { ...lead1, followUpId: followUp(1) }), ana],
  [commands.remind('2026-03-02T10:23:00.000Z', { ...lead1, followUpId: followUp(3) }), reminder],
  [commands.assign('agent-2', lead1), ana],
  [commands.completeFollowUp({ ...lead1, followUpId: followUp(1), note: 'Spoke to them' }), ana],
  [commands.cancelFollowUp({ ...lead1, followUpId: followUp(2), reason: 'Not needed' }), ana],
  [commands.unassign(lead1), ana],
  [commands.changeStatus('converted', lead1), ana],
  [commands.aiResult(90, lead1), scorer],
  [commands.interaction({ ...firstContact, messageId: 'm-5' })],

  [commands.createLead(secondContact)],
  [commands.aiResult(10, { ...lead2, modelVersion: null, rationale: null, factors: [] }), scorer],
  [commands.aiResult(20, { ...lead2, modelVersion: null, rationale: null, factors: [] }), scorer],
  [commands.scoreByHand(30, lead2), ana],
  [commands.aiResult(40, { ...lead2, modelVersion: null, rationale: null, factors: [] }), scorer],
  [commands.createFollowUp({ ...lead2, followUpId: followUp(4), dueAt: '2026-03-02T10:40:00.000Z' })],
  [commands.remind('2026-03-02T10:40:00.000Z', { ...lead2, followUpId: followUp(4) }), reminder],
  [commands.completeFollowUp({ ...lead2, followUpId: followUp(4) }), ana],
  [commands.changeStatus('archived', lead2), ana],
  [commands.aiResult(50, { ...lead2, modelVersion: null, rationale: null, factors: [] }), scorer],
  [
    commands.createLead({
      ...secondContact,
      channel: 'email',
      origin: 'integration',
      note: 'Met at the fair',
      profile: fullProfile,
    }),
  ],

  [createBroadcast()],
  [createBroadcast({ broadcastId: 'b-2', template: { ...template, category: null, body: null } })],
  [receive('bm-1', untimed, delivered, failed('Undeliverable'), failed(null))],
  [send('bm-1', { parameters: ['Contact One'], sentAt: '2026-03-02T08:00:00.000Z' })],
  [receive('bm-1', { status: 'read', at: '2026-03-02T10:09:00.000Z', error: null })],
  [receive('bm-2', failed(null))],
  [
    send('bm-2', {
      broadcast: { id: 'b-2', channel: 'sms', campaign: commands.campaign, template: { ...template, category: null } },
    }),
  ],

  [exported(), ana],
  [exported({ exportId: 'e-2', scope: 'page', format: 'ndjson', q: 'contact', contactId: 'contact-1' })],
  [target('bulk-1'), ana],
  [requestBulk('bulk-1', { mode: 'all_or_nothing', filter: { q: 'contact' } }), ana],
  [record('bulk-1', 'check', 0, [executed, executed]), ana],
  [record('bulk-1', 'carry out', 0, [executed, rejected]), ana],
  [{ type: 'RetryBulk', bulkId: 'bulk-1' }, ana],
  [{ type: 'CancelBulk', bulkId: 'bulk-1' }, ana],
  [target('bulk-2')],
  [
    requestBulk('bulk-2', {
      action: { type: 'assign', agentId: 'agent-1', moveFollowUps: true, note: null },
      mode: 'all_or_nothing',
    }),
  ],
  [record('bulk-2', 'check', 0, [executed, rejected])],
  [target('bulk-3')],
  [
    requestBulk('bulk-3', {
      action: { type: 'create_follow_up', dueAt, note: null, assigneeId: 'agent-1', alsoSetStatus: false },
    }),
  ],
];

/** The events that the current code writes for these commands, as they are stored. */
export async function generateGoldenEvents(): Promise<readonly StoredEvent[]> {
  const folder = mkdtempSync(join(tmpdir(), 'golden-'));
  const log = SqliteLog.open({ file: join(folder, 'events.db') });
  try {
    let minutes = 0;
    const timeOf = (milliseconds: number) => new Date(Date.UTC(2026, 2, 2, 10, minutes, 0, milliseconds)).toISOString();
    const clock = () => timeOf(250);
    const deciders = new DeciderService(log.events, clock);
    const streams = new Set<string>();
    for (const [command, actor = commands.gateway] of history) {
      minutes++;
      const commandId = createCommandId(org, `golden ${minutes}`);
      const context: CommandContext = {
        org,
        actor,
        commandId,
        requestHash: null,
        now: timeOf(0),
        backdated: false,
        expectedVersion: null,
        correlation: commandId,
        causation: commandId,
      };
      const handle = <S, C, E extends DomainEvent>(decider: Decider<S, C, E>, stream: string, typedCommand: C) => {
        streams.add(stream);
        return deciders.handle(decider, stream, typedCommand, context, () => undefined);
      };
      if (command.type === 'RegisterAgent' || command.type === 'ChangeAgent')
        await handle(agentDecider, agentStream(org, command.agentId), command);
      else if (command.type === 'CreateBroadcast')
        await handle(broadcastDecider, `broadcast-${org}-${command.broadcastId}`, command);
      else if (command.type === 'RecordExport')
        await handle(leadExportDecider, exportStream(org, command.exportId), command);
      else if (command.type === 'RecordSend' || command.type === 'RecordReceipts')
        await handle(messageDecider, `message-${org}-${command.messageKey}`, command);
      else if ('bulkId' in command) await handle(bulkDecider, `bulk-${org}-${command.bulkId}`, command);
      else {
        const contactKey = 'contactKey' in command ? command.contactKey : contactKeyOf(command.leadId);
        await handle(contactDecider, contactStream(org, contactKey), command);
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
