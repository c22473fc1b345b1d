import { Random } from '#apps/demo/random';
import { deriveContactKey, contactStream } from '#commands/ids';
import { contactDecider } from '#domain/contact/contact.decide';
import type { ContactCommand } from '#domain/contact/contact.commands';
import type { ContactEvent } from '#domain/contact/contact.events';
import { findActiveLead, type Contact } from '#domain/contact/contact.state';
import type { Actor } from '#domain/event-envelope';
import type { ActiveStatus, FinalStatus } from '#domain/lead/lead.vocabulary';
import type { Channel } from '#domain/vocabulary';
import { generatePerson } from './people.js';
import { StreamBuilder, type Append } from './stream-builder.js';

/*
 * The contacts of a shop that has grown for two years, generated from a seed. The data is skewed like that of a real shop: a few
 * agents, channels and campaigns have most leads, campaigns last some weeks, old leads are closed, many leads are never scored.
 */

/** Times are in milliseconds since 1970. */
export interface DatasetOptions {
  readonly org: string;
  readonly seed: number;
  readonly begin: number;
  readonly end: number;
  /** Approximate. A higher number adds messages. */
  readonly eventsPerLead: number;
}

export const hourMs = 3_600_000;
export const dayMs = 24 * hourMs;
export const agentCount = 40;
export const campaignCount = 60;
const twoDigits = (index: number): string => String(index + 1).padStart(2, '0');
export const agentId = (index: number): string => `agent-${twoDigits(index)}`;
export const campaignId = (index: number): string => `campaign-${twoDigits(index)}`;

/** Contact keys are derived from it, so changing it changes every generated log. */
export const idKey = 'the bench keeps no secrets';
const channelWeights = {
  whatsapp: 52,
  sms: 14,
  webchat: 12,
  email: 9,
  facebook: 6,
  instagram: 5,
  telegram: 1.9,
  integration: 0.1,
};
const originWeights = { chat: 55, broadcast_reply: 25, integration: 14, manual: 6 };
const finalStatusWeights = { converted: 40, lost: 45, archived: 15 };
/** Average number of events of a lead without the messages that `eventsPerLead` adds. */
const baseEventsPerLead = 7;

const service: Actor = { type: 'service', id: 'bench' };
const ai: Actor = { type: 'ai', id: 'bench-scorer' };

/** An index below `count`; low ones are more frequent. */
const skewedIndex = (random: Random, count: number): number => Math.floor(count * random.next() ** 2);

/**
 * Generates the history of the contact with this number: the appends to its stream, oldest first, and the number of its leads.
 * Histories are independent of each other.
 */
export function generateContactHistory(
  options: DatasetOptions,
  number: number,
  begin: number,
): { readonly appends: readonly Append[]; readonly leads: number } {
  const random = new Random(options.seed, number);
  const history = new ContactHistory(options, random, generatePerson(number, random), begin);
  history.generate();
  return { appends: history.stream.appends, leads: history.leads };
}

class ContactHistory {
  leads = 0;
  readonly stream: StreamBuilder<Contact, ContactCommand, ContactEvent>;
  private readonly contact: Pick<
    Extract<ContactCommand, { type: 'CreateLead' }>,
    'contactKey' | 'contactId' | 'profile'
  >;
  private readonly channel: Channel;
  private actor: Actor = service;
  private ids = 0;

  constructor(
    private readonly options: DatasetOptions,
    private readonly random: Random,
    { contactId, ...profile }: ReturnType<typeof generatePerson>,
    private clock: number,
  ) {
    const contactKey = deriveContactKey(idKey, options.org, contactId);
    this.contact = { contactKey, contactId, profile };
    this.channel = random.pickWeighted(channelWeights);
    this.stream = new StreamBuilder(contactDecider, options.org, contactStream(options.org, contactKey));
  }

  generate(): void {
    do {
      this.openLead();
      const isClosed = this.workOnLead();
      if (!isClosed) return;
      this.wait(5 * dayMs, 120 * dayMs);
    } while (this.leads < 4 && this.random.boolean(0.25) && !this.isOver);
  }

  private openLead(): void {
    const origin = this.random.pickWeighted(originWeights);
    this.actor = service;
    if (origin === 'broadcast_reply') this.addressBroadcast();
    if (this.isOver) return;
    this.leads += 1;
    if (origin !== 'manual') {
      this.recordInteraction(origin);
      return;
    }
    const lead = { channel: this.channel, origin, note: 'Called the shop' };
    this.execute({ type: 'CreateLead', ...this.contact, ...lead });
  }

  private addressBroadcast(): void {
    const { begin, end } = this.options;
    // Replies go to one of the four newest campaigns, since a campaign lasts some weeks.
    const newest = Math.floor(((this.clock - begin) / (end - begin)) * campaignCount);
    const index = Math.max(0, newest - skewedIndex(this.random, 4));
    this.execute({
      type: 'AddressBroadcast',
      ...this.contact,
      broadcastId: `broadcast-${twoDigits(index)}`,
      campaign: { id: campaignId(index), name: `Campaign ${index + 1}` },
      channel: this.channel,
      messageId: this.newId(),
      sentAt: null,
    });
    this.wait(0.1 * hourMs, 40 * hourMs);
  }

  private recordInteraction(kind: 'chat' | 'broadcast_reply' | 'integration'): void {
    const isForm = kind === 'integration';
    this.execute({
      type: 'RecordInteraction',
      ...this.contact,
      channel: isForm && this.random.boolean(0.9) ? 'integration' : this.channel,
      kind,
      messageId: this.newId(),
      occurredAt: null,
      text: isForm ? null : 'Do you still have the blue city bike?',
      media: null,
      inReplyTo: null,
      integration: isForm ? { form: 'Test ride', source: 'website' } : null,
    });
  }

  /** Returns whether the lead was closed. Some leads are abandoned without being closed. */
  private workOnLead(): boolean {
    const { random } = this;
    if (random.boolean(0.55)) this.score();
    if (random.boolean(0.05)) return false;
    this.wait(0.2 * hourMs, 30 * hourMs);
    if (random.boolean(0.8)) this.assignAgent();
    if (random.boolean(0.6)) this.changeStatus('contacted');
    this.exchangeMessages();
    if (random.boolean(0.04)) return false;
    if (random.boolean(0.35)) this.changeStatus('qualifying', random.boolean(0.3) ? random.int(20, 98) : null);
    if (random.boolean(0.25)) this.followUp();
    if (random.boolean(0.04)) return false;
    if (random.boolean(0.25)) this.changeStatus('qualified');
    this.wait(12 * hourMs, 21 * dayMs);
    if (random.boolean(0.03)) return false;
    this.closeLead();
    return true;
  }

  private exchangeMessages(): void {
    const mean = Math.max(0, this.options.eventsPerLead - baseEventsPerLead);
    const count = Math.floor(2 * mean * this.random.next() + this.random.next());
    for (let index = 0; index < count; index++) {
      this.wait(0.1 * hourMs, 40 * hourMs);
      if (this.random.boolean(0.5)) this.recordInteraction('chat');
      else this.reply();
    }
  }

  private reply(): void {
    const message = { channel: this.channel, messageId: this.newId(), text: 'Yes, it is in the shop.', sentAt: null };
    this.executeOnLead((leadId) => ({ type: 'RecordOutboundMessage', leadId, ...message }));
  }

  private score(): void {
    this.wait(0.01 * hourMs, 0.1 * hourMs);
    const score = Math.round(50 * (this.random.next() + this.random.next()));
    const result = {
      model: 'bench-scorer',
      modelVersion: '1',
      rationale: 'Asked for a price.',
      factors: [],
      readUpTo: null,
    };
    this.executeOnLead((leadId) => ({ type: 'RecordAiResult', leadId, score, ...result }), ai);
  }

  private assignAgent(): void {
    const agent = { id: agentId(skewedIndex(this.random, agentCount)), status: 'active' } as const;
    const assignment = { mode: 'manual', moveFollowUps: true, note: null, onlyIf: null } as const;
    this.executeOnLead((leadId) => ({ type: 'AssignAgent', leadId, agent, ...assignment }));
    this.actor = { type: 'agent', id: agent.id };
  }

  private changeStatus(status: ActiveStatus, score: number | null = null): void {
    this.wait(0.1 * hourMs, 30 * hourMs);
    this.executeOnLead((leadId) => ({ type: 'ChangeStatus', leadId, status, score, reason: null, note: null }));
  }

  private followUp(): void {
    const followUpId = this.newId();
    const dueAt = new Date(this.clock + Math.floor((0.5 + 8 * this.random.next()) * dayMs)).toISOString();
    const alsoSetStatus = this.random.boolean(0.6);
    const followUp = { followUpId, dueAt, note: null, assignee: null, alsoSetStatus };
    this.executeOnLead((leadId) => ({ type: 'CreateFollowUp', leadId, ...followUp }));
    this.wait(dayMs, 8 * dayMs);
    if (this.random.boolean(0.7))
      this.executeOnLead((leadId) => ({ type: 'CompleteFollowUp', leadId, followUpId, note: null }));
  }

  private closeLead(): void {
    const status: FinalStatus = this.random.pickWeighted(finalStatusWeights);
    const reason = status === 'lost' ? 'Too expensive' : null;
    this.executeOnLead((leadId) => ({ type: 'ChangeStatus', leadId, status, score: null, reason, note: null }));
  }

  private executeOnLead(createCommand: (leadId: string) => ContactCommand, actor = this.actor): void {
    const lead = findActiveLead(this.stream.state);
    if (lead) this.execute(createCommand(lead.id), actor);
  }

  private execute(command: ContactCommand, actor = this.actor): void {
    if (!this.isOver) this.stream.execute(command, this.clock, actor);
  }

  private newId(): string {
    return this.stream.idFor(`thing ${++this.ids}`);
  }

  private get isOver(): boolean {
    return this.clock > this.options.end;
  }

  private wait(minMs: number, maxMs: number): void {
    this.clock += Math.floor(minMs + this.random.next() * (maxMs - minMs));
  }
}
