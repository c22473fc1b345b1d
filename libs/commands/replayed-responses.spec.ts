import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StoredResponse } from '#event-store/idempotency-store';
import { SqliteLog } from '#event-store/sqlite/sqlite-log';
import { AgentCommandMessage, AgentHandler, type AgentCommandInput } from './agent.handler.js';
import { BroadcastCommandMessage, BroadcastHandler } from './broadcast.handler.js';
import { BulkItemExecutor } from './bulk-item-executor.js';
import { BulkCommandMessage, BulkHandler, type BulkCommandInput } from './bulk.handler.js';
import { buildCommandContext, type CommandContext } from './command-context.js';
import type { CommandResult } from './command-response.js';
import { ContactCommandMessage, ContactHandler, type ContactCommandInput } from './contact.handler.js';
import { DeciderService } from './decider-service.js';
import { IdKey } from './id-key.js';
import { contactStream, createCommandId, createIdFactory, deriveContactKey, deriveId } from './ids.js';
import { IdempotencyService } from './idempotency-service.js';
import { MessageCommandMessage, MessageHandler, type MessageCommandInput } from './message.handler.js';

const secret = 'a secret of sixteen';
const folder = mkdtempSync(join(tmpdir(), 'replayed-responses-'));
const contactId = '+34600111222';
const contactKey = deriveContactKey(secret, 'default', contactId);
const leadId = `${contactKey}-1`;
const keyed = (key: string): string => createCommandId('default', key);

/** Stands for whatever a person said or is called. */
const personal = (text: string): string => `Personal ${text}`;

let log: SqliteLog;
let minutes = 0;
const saved: StoredResponse[] = [];
/** Each reading is an hour later than the one before. */
const clock = (): string => new Date(Date.UTC(2026, 2, 2, 9) + (minutes += 60) * 60_000).toISOString();

/** The handlers of a process that has just started. */
function startProcess() {
  const deciders = new DeciderService(log.events, clock);
  const idempotency = new IdempotencyService(
    {
      find: (id) => log.responses.find(id),
      saveIfAbsent: (id, response) => {
        saved.push(response);
        return log.responses.saveIfAbsent(id, response);
      },
      deleteBefore: (time) => log.responses.deleteBefore(time),
    },
    clock,
  );
  const idKey = new IdKey(secret);
  const contacts = new ContactHandler(deciders, idempotency, idKey);
  const items = new BulkItemExecutor(contacts);
  const selector = { select: async () => ({ ids: [leadId] }) };
  return {
    contacts,
    agents: new AgentHandler(deciders, idempotency),
    broadcasts: new BroadcastHandler(deciders, idempotency),
    messages: new MessageHandler(deciders, idempotency, idKey, log.events),
    bulks: new BulkHandler(deciders, idempotency, items, selector, log.events),
  };
}
type Process = ReturnType<typeof startProcess>;
type Send = (process: Process, context: CommandContext) => Promise<CommandResult>;

const contact =
  (command: ContactCommandInput): Send =>
  ({ contacts }, context) =>
    contacts.execute(new ContactCommandMessage(command, context));
const agent =
  (command: AgentCommandInput): Send =>
  ({ agents }, context) =>
    agents.execute(new AgentCommandMessage(command, context));
const messages =
  (command: MessageCommandInput): Send =>
  (process, context) =>
    process.messages.execute(new MessageCommandMessage(command, context));
const bulk =
  (command: BulkCommandInput): Send =>
  ({ bulks }, context) =>
    bulks.execute(new BulkCommandMessage(command, context));

const interaction = (messageId: string): Send =>
  contact({
    type: 'RecordInteraction',
    contactId,
    channel: 'whatsapp',
    kind: 'chat',
    messageId,
    occurredAt: null,
    text: personal('text'),
    media: null,
    inReplyTo: null,
    integration: null,
    profile: { name: personal('contact'), phone: contactId, email: 'personal@example.org' },
  });
const changeStatus = (status: 'contacted' | 'qualified' | 'lost', score: number | null = null): Send =>
  contact({ type: 'ChangeStatus', leadId, status, score, reason: personal('reason'), note: personal('note') });
const aiResult = (score: number): Send =>
  contact({
    type: 'RecordAiResult',
    leadId,
    score,
    model: 'm',
    modelVersion: null,
    rationale: personal('rationale'),
    factors: [],
    readUpTo: null,
  });
const assign = (agentId: string): Send =>
  contact({
    type: 'AssignAgent',
    leadId,
    agentId,
    mode: 'manual',
    moveFollowUps: false,
    note: personal('note'),
    onlyIf: null,
  });
const createFollowUp: Send = contact({
  type: 'CreateFollowUp',
  leadId,
  dueAt: '2027-01-01T00:00:00.000Z',
  note: personal('note'),
  assigneeId: null,
  alsoSetStatus: false,
});
const followUpOf = (key: string) => ({ leadId, followUpId: deriveId(keyed(key), 'follow-up') });
const template = { name: 'promo', language: 'en', category: null, body: personal('template') };
const send = (id: string) => ({ contactId: id, messageId: `wamid-${id}`, sentAt: null, attempt: null, parameters: {} });
const receipt = (messageId: string) =>
  ({ channel: 'whatsapp', messageId, status: 'delivered', at: '2026-03-02T09:00:00.000Z', error: null }) as const;
const invalid = { invalid: { code: 'validation_failed', detail: personal('detail') } };
const changeMany = (ids: readonly string[]): Send =>
  bulk({
    type: 'StartBulk',
    mode: 'best_effort',
    action: { type: 'change_status', status: 'qualified', score: null, reason: null, note: personal('note') },
    target: { ids },
  });

/** Commands in the order in which they are sent, each under its name as key. Later ones change what earlier ones returned. */
const commands: Readonly<Record<string, Send>> = {
  RegisterAgent: agent({ type: 'RegisterAgent', agentId: 'ana', name: personal('Ana'), email: null, capacity: 1 }),
  'RegisterAgent without an id': agent({
    type: 'RegisterAgent',
    agentId: null,
    name: personal('Ben'),
    email: 'personal@example.org',
    capacity: null,
  }),
  'RegisterAgent that is refused': agent({
    type: 'RegisterAgent',
    agentId: 'ana',
    name: personal('Eve'),
    email: null,
    capacity: 1,
  }),
  RecordInteraction: interaction('m-1'),
  'RecordInteraction of a known message': interaction('m-1'),
  CreateLead: contact({
    type: 'CreateLead',
    contactId: '+34600333444',
    channel: null,
    origin: 'manual',
    note: personal('note'),
    profile: { name: personal('other contact') },
  }),
  AssignAgent: assign('ana'),
  'AssignAgent without a change': assign('ana'),
  'AssignAgent that is refused': assign('nobody'),
  CreateFollowUp: createFollowUp,
  'CreateFollowUp again': createFollowUp,
  'CreateFollowUp a third time': createFollowUp,
  RescheduleFollowUp: contact({
    type: 'RescheduleFollowUp',
    ...followUpOf('CreateFollowUp'),
    dueAt: '2026-12-31T00:00:00.000Z',
    reason: personal('reason'),
  }),
  ChangeAgent: agent({ type: 'ChangeAgent', agentId: 'ana', name: personal('Anna') }),
  'ChangeAgent without a change': agent({ type: 'ChangeAgent', agentId: 'ana' }),
  CompleteFollowUp: contact({ type: 'CompleteFollowUp', ...followUpOf('CreateFollowUp'), note: personal('note') }),
  RemindFollowUp: contact({
    type: 'RemindFollowUp',
    ...followUpOf('CreateFollowUp again'),
    dueAt: '2027-01-01T00:00:00.000Z',
  }),
  CancelFollowUp: contact({ type: 'CancelFollowUp', ...followUpOf('CreateFollowUp again'), reason: null }),
  RecordAiResult: aiResult(40),
  ChangeStatus: changeStatus('contacted', 80),
  'RecordAiResult that is not accepted': aiResult(50),
  UnpinScore: contact({ type: 'UnpinScore', leadId }),
  RecordQualificationFailure: contact({
    type: 'RecordQualificationFailure',
    leadId,
    model: 'm',
    readUpTo: createIdFactory(contactStream('default', contactKey))('interaction', 'whatsapp', 'm-1'),
    reason: 'timeout',
  }),
  RecordOutboundMessage: contact({
    type: 'RecordOutboundMessage',
    leadId,
    channel: null,
    messageId: 'out-1',
    text: personal('text'),
    sentAt: null,
  }),
  CreateBroadcast: ({ broadcasts }, context) =>
    broadcasts.execute(
      new BroadcastCommandMessage(
        {
          type: 'CreateBroadcast',
          broadcastId: 'b1',
          name: 'Spring',
          channel: 'whatsapp',
          campaign: { id: 'c', name: 'C' },
          template,
        },
        context,
      ),
    ),
  AddressBroadcast: contact({
    type: 'AddressBroadcast',
    contactId,
    profile: {},
    broadcastId: 'b0',
    campaign: { id: 'c', name: 'C' },
    channel: 'whatsapp',
    messageId: 'wamid-0',
    sentAt: null,
  }),
  RecordSends: messages({
    type: 'RecordSends',
    broadcastId: 'b1',
    items: [{ item: send(contactId) }, invalid, { item: send(contactId) }, { item: send('+34600555666') }],
  }),
  RecordReceipts: messages({
    type: 'RecordReceipts',
    items: [{ item: receipt(`wamid-${contactId}`) }, invalid, { item: receipt(`wamid-${contactId}`) }],
  }),
  StartBulk: changeMany([leadId, 'no-lead', leadId]),
  'StartBulk without a change': changeMany([leadId]),
  'StartBulk as a job': bulk({
    type: 'StartBulk',
    mode: 'best_effort',
    action: { type: 'assign', agentId: 'ana', moveFollowUps: true, note: personal('note') },
    target: { filter: { q: personal('contact') }, expectedCount: 1 },
  }),
  CancelBulk: bulk({ type: 'CancelBulk', bulkId: deriveId(keyed('StartBulk as a job'), 'bulk') }),
  RetryBulk: bulk({ type: 'RetryBulk', bulkId: deriveId(keyed('StartBulk'), 'bulk') }),
  UnassignAgent: contact({ type: 'UnassignAgent', leadId, mode: 'manual', onlyIf: null }),
  'ChangeStatus to a final one': changeStatus('lost'),
  'ChangeStatus that is refused': changeStatus('qualified'),
};

/** The response as JSON, or the code and details of the refusal. */
async function outcomeOf(
  process: Process,
  name: string,
): Promise<{ readonly text: string; readonly replayed: boolean }> {
  const context = buildCommandContext({
    org: 'default',
    actor: { type: 'agent', id: 'ana' },
    commandId: keyed(name),
    requestHash: 'a'.repeat(64),
    now: clock(),
    correlation: 'c',
  });
  try {
    const { response, replayed } = await commands[name]!(process, context);
    return { text: JSON.stringify(response), replayed };
  } catch (error) {
    const { code, details, constructor } = error as { code?: string; details?: object; constructor: { name: string } };
    if (code === undefined) throw error;
    return { text: JSON.stringify({ code, details }), replayed: constructor.name === 'ReplayedRefusal' };
  }
}

describe('Replayed responses', () => {
  const first = new Map<string, string>();
  beforeAll(async () => {
    log = SqliteLog.open({ file: join(folder, 'log.db') });
    const process = startProcess();
    for (const name of Object.keys(commands)) {
      const { text, replayed } = await outcomeOf(process, name);
      expect([name, replayed]).toEqual([name, false]);
      first.set(name, text);
    }
    // By now the follow-ups are overdue.
    minutes += 365 * 24 * 60;
  });
  afterAll(async () => {
    await log.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it.each(Object.keys(commands))('are equal to the first one of %s, after everything has changed', async (name) => {
    expect(first.get(name)!.startsWith('{"code":')).toBe(name.endsWith('that is refused'));
    for (const process of [startProcess(), startProcess()])
      expect(await outcomeOf(process, name)).toStrictEqual({ text: first.get(name), replayed: true });
  });

  it('are equal in the process that has everything cached', async () => {
    const process = startProcess();
    for (let round = 0; round < 2; round += 1)
      for (const name of Object.keys(commands))
        expect([name, await outcomeOf(process, name)]).toStrictEqual([name, { text: first.get(name), replayed: true }]);
  });

  it('are stored without personal data', () => {
    expect(saved).toHaveLength(Object.keys(commands).length);
    const stored = JSON.stringify(saved);
    for (const text of ['Personal', 'personal@', '34600', 'wamid', 'out-1', 'm-1']) expect(stored).not.toContain(text);
    for (const { answer } of saved) expect(JSON.stringify(answer).length).toBeLessThan(200);
  });
});
