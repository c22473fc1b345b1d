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
 * The leads of a shop that has grown for two years, made from a seed. Skewed as such shops are: few agents, channels and
 * campaigns have most of the leads, campaigns come and go, old leads are closed, many leads are never scored.
 */

/** What the leads are made of. Times in milliseconds. */
export interface DatasetOptions {
  readonly org: string;
  readonly seed: number;
  readonly begin: number;
  readonly end: number;
  /** About: the more, the more small talk. */
  readonly eventsPerLead: number;
}

export const hourMs = 3_600_000;
export const dayMs = 24 * hourMs;
export const agentCount = 40;
export const campaignCount = 60;
const twoDigits = (nth: number): string => String(nth + 1).padStart(2, '0');
export const agentId = (nth: number): string => `agent-${twoDigits(nth)}`;
export const campaignId = (nth: number): string => `campaign-${twoDigits(nth)}`;

/** Contacts' keys are made with it. */
export const idKey = 'the bench keeps no secrets';
const channels = {
  whatsapp: 52,
  sms: 14,
  webchat: 12,
  email: 9,
  facebook: 6,
  instagram: 5,
  telegram: 1.9,
  integration: 0.1,
};
const kinds = { chat: 55, broadcast_reply: 25, integration: 14, manual: 6 };
const endings = { converted: 40, lost: 45, archived: 15 };
/** Of a lead's life without small talk. */
const eventsOfWork = 7;

const service: Actor = { type: 'service', id: 'bench' };
const ai: Actor = { type: 'ai', id: 'bench-scorer' };

/** Low numbers often, high ones seldom. */
const skewed = (chance: Random, count: number): number => Math.floor(count * chance.next() ** 2);

/** The `nr`th contact's life: what is appended to its stream, oldest first, and how many leads that makes. No life depends on another. */
export function generateContactHistory(
  world: DatasetOptions,
  nr: number,
  begin: number,
): { readonly appends: readonly Append[]; readonly leads: number } {
  const chance = new Random(world.seed, nr);
  const life = new Life(world, chance, generatePerson(nr, chance), begin);
  life.wholeStory();
  return { appends: life.stream.appends, leads: life.leads };
}

class Life {
  leads = 0;
  readonly stream: StreamBuilder<Contact, ContactCommand, ContactEvent>;
  private readonly about: Pick<Extract<ContactCommand, { type: 'CreateLead' }>, 'contactKey' | 'contactId' | 'profile'>;
  private readonly home: Channel;
  private by: Actor = service;
  private ids = 0;

  constructor(
    private readonly world: DatasetOptions,
    private readonly chance: Random,
    { contactId, ...profile }: ReturnType<typeof generatePerson>,
    private clock: number,
  ) {
    const contactKey = deriveContactKey(idKey, world.org, contactId);
    this.about = { contactKey, contactId, profile };
    this.home = chance.pickWeighted(channels);
    this.stream = new StreamBuilder(contactDecider, world.org, contactStream(world.org, contactKey));
  }

  wholeStory(): void {
    do {
      this.opens();
      if (!this.isWorkedOn()) return;
      this.wait(5 * dayMs, 120 * dayMs);
    } while (this.leads < 4 && this.chance.boolean(0.25) && !this.isOver);
  }

  private opens(): void {
    const kind = this.chance.pickWeighted(kinds);
    this.by = service;
    if (kind === 'broadcast_reply') this.isAddressed();
    if (this.isOver) return;
    this.leads += 1;
    if (kind !== 'manual') this.says(kind);
    else this.ask({ type: 'CreateLead', ...this.about, channel: this.home, origin: 'manual', note: 'Called the shop' });
  }

  private isAddressed(): void {
    const { begin, end } = this.world;
    // A campaign is talked of for some weeks.
    const newest = Math.floor(((this.clock - begin) / (end - begin)) * campaignCount);
    const nth = Math.max(0, newest - skewed(this.chance, 4));
    this.ask({
      type: 'AddressBroadcast',
      ...this.about,
      broadcastId: `broadcast-${twoDigits(nth)}`,
      campaign: { id: campaignId(nth), name: `Campaign ${nth + 1}` },
      channel: this.home,
      messageId: this.newId(),
      sentAt: null,
    });
    this.wait(0.1 * hourMs, 40 * hourMs);
  }

  private says(kind: 'chat' | 'broadcast_reply' | 'integration'): void {
    const isForm = kind === 'integration';
    this.ask({
      type: 'RecordInteraction',
      ...this.about,
      channel: isForm && this.chance.boolean(0.9) ? 'integration' : this.home,
      kind,
      messageId: this.newId(),
      occurredAt: null,
      text: isForm ? null : 'Do you still have the blue city bike?',
      media: null,
      inReplyTo: null,
      integration: isForm ? { form: 'Test ride', source: 'website' } : null,
    });
  }

  /** Whether the lead was brought to its end: some are forgotten. */
  private isWorkedOn(): boolean {
    const { chance } = this;
    if (chance.boolean(0.55)) this.isScored();
    if (chance.boolean(0.05)) return false;
    this.wait(0.2 * hourMs, 30 * hourMs);
    if (chance.boolean(0.8)) this.isAssigned();
    if (chance.boolean(0.6)) this.moves('contacted');
    this.talks();
    if (chance.boolean(0.04)) return false;
    if (chance.boolean(0.35)) this.moves('qualifying', chance.boolean(0.3) ? chance.int(20, 98) : null);
    if (chance.boolean(0.25)) this.hasFollowUp();
    if (chance.boolean(0.04)) return false;
    if (chance.boolean(0.25)) this.moves('qualified');
    this.wait(12 * hourMs, 21 * dayMs);
    if (chance.boolean(0.03)) return false;
    this.ends();
    return true;
  }

  private talks(): void {
    const mean = Math.max(0, this.world.eventsPerLead - eventsOfWork);
    const count = Math.floor(2 * mean * this.chance.next() + this.chance.next());
    for (let turn = 0; turn < count; turn++) {
      this.wait(0.1 * hourMs, 40 * hourMs);
      if (this.chance.boolean(0.5)) this.says('chat');
      else this.isAnswered();
    }
  }

  private isAnswered(): void {
    const said = { channel: this.home, messageId: this.newId(), text: 'Yes, it is in the shop.', sentAt: null };
    this.onLead((leadId) => ({ type: 'RecordOutboundMessage', leadId, ...said }));
  }

  private isScored(): void {
    this.wait(0.01 * hourMs, 0.1 * hourMs);
    const score = Math.round(50 * (this.chance.next() + this.chance.next()));
    const by = {
      model: 'bench-scorer',
      modelVersion: '1',
      rationale: 'Asked for a price.',
      factors: [],
      readUpTo: null,
    };
    this.onLead((leadId) => ({ type: 'RecordAiResult', leadId, score, ...by }), ai);
  }

  private isAssigned(): void {
    const agent = { id: agentId(skewed(this.chance, agentCount)), status: 'active' } as const;
    const how = { mode: 'manual', moveFollowUps: true, note: null, onlyIf: null } as const;
    this.onLead((leadId) => ({ type: 'AssignAgent', leadId, agent, ...how }));
    this.by = { type: 'agent', id: agent.id };
  }

  private moves(status: ActiveStatus, score: number | null = null): void {
    this.wait(0.1 * hourMs, 30 * hourMs);
    this.onLead((leadId) => ({ type: 'ChangeStatus', leadId, status, score, reason: null, note: null }));
  }

  private hasFollowUp(): void {
    const followUpId = this.newId();
    const dueAt = new Date(this.clock + Math.floor((0.5 + 8 * this.chance.next()) * dayMs)).toISOString();
    const alsoSetStatus = this.chance.boolean(0.6);
    const how = { followUpId, dueAt, note: null, assignee: null, alsoSetStatus };
    this.onLead((leadId) => ({ type: 'CreateFollowUp', leadId, ...how }));
    this.wait(dayMs, 8 * dayMs);
    if (this.chance.boolean(0.7))
      this.onLead((leadId) => ({ type: 'CompleteFollowUp', leadId, followUpId, note: null }));
  }

  private ends(): void {
    const status: FinalStatus = this.chance.pickWeighted(endings);
    const reason = status === 'lost' ? 'Too expensive' : null;
    this.onLead((leadId) => ({ type: 'ChangeStatus', leadId, status, score: null, reason, note: null }));
  }

  private onLead(command: (leadId: string) => ContactCommand, by = this.by): void {
    const lead = findActiveLead(this.stream.state);
    if (lead) this.ask(command(lead.id), by);
  }

  private ask(command: ContactCommand, by = this.by): void {
    if (!this.isOver) this.stream.execute(command, this.clock, by);
  }

  private newId(): string {
    return this.stream.idFor(`thing ${++this.ids}`);
  }

  private get isOver(): boolean {
    return this.clock > this.world.end;
  }

  private wait(least: number, most: number): void {
    this.clock += Math.floor(least + this.chance.next() * (most - least));
  }
}
