import type { ContactCommandInput } from '#commands/contact.handler';
import type { Channel, Factor, FinalStatus, Status } from '#domain/lead/lead.state';
import type { Random } from './random.js';
import {
  drawDelivery,
  receivedAfterSeconds,
  toReceiveReceipts,
  type DemoBroadcast,
  type ReceiveReceipts,
  type SendBroadcast,
} from './demo.campaigns.js';
import type { Population, NonEmpty } from './demo.people.js';

/** What is asked of a contact, without the ids that only the service knows: they are those of the contact's newest lead and follow-up. */
type Unaddressed<Ask> = Ask extends { type: 'AddressBroadcast' | 'RemindFollowUp' | 'RecordQualificationFailure' }
  ? never
  : Omit<Ask, 'leadId' | 'followUpId'>;

export interface Step<Ask = Unaddressed<ContactCommandInput> | SendBroadcast | ReceiveReceipts> {
  /** RFC 3339, UTC. Never before the step before it. */
  readonly at: string;
  /** The agent who does it; null: a service. */
  readonly agentId: string | null;
  readonly command: Ask;
}

export interface Person {
  readonly contactId: string;
  readonly name: string;
  readonly language: string;
  readonly phone: string | null;
  readonly email: string;
}

export const hourMs = 3_600_000;
export const dayMs = 24 * hourMs;
export const toIsoTime = (ms: number): string => new Date(Math.round(ms)).toISOString();

const channels = { whatsapp: 45, webchat: 14, instagram: 10, facebook: 10, telegram: 8, sms: 7, email: 6 } as const;

/** Message ids look as each provider makes them. */
const messageIds: Readonly<Record<Channel, (chance: Random) => string>> = {
  whatsapp: (chance) => `wamid.HBgL${chance.hex(28).toUpperCase()}`,
  sms: (chance) => `SM${chance.hex(32)}`,
  email: (chance) => `<${chance.hex(20)}@mail.example>`,
  webchat: (chance) => `${chance.hex(8)}-${chance.hex(4)}-4${chance.hex(3)}-a${chance.hex(3)}-${chance.hex(12)}`,
  facebook: (chance) => `m_${chance.hex(32)}`,
  instagram: (chance) => `aWdfZAG1${chance.hex(32)}`,
  telegram: (chance) => `${chance.int(100_000_000, 999_999_999)}:${chance.int(1_000, 9_999)}`,
  integration: (chance) => `form-${chance.hex(16)}`,
};

const factors: NonEmpty<Factor> = [
  { label: 'asked for a price', weight: 18 },
  { label: 'wants a test ride', weight: 24 },
  { label: 'named a model', weight: 15 },
  { label: 'gave a phone number', weight: 9 },
  { label: 'answers within the hour', weight: 12 },
  { label: 'compares with other shops', weight: -9 },
  { label: 'has a budget below the range', weight: -22 },
  { label: 'has not answered for days', weight: -14 },
];

const endings: Readonly<Record<FinalStatus, NonEmpty<string>>> = {
  converted: ['Bought in the shop', 'Ordered online', 'Paid the deposit'],
  lost: ['Too expensive', 'Bought elsewhere', 'No answer after three tries', 'Wants another size'],
  archived: ['Asks again in spring', 'Waits for the new model'],
};

/** How something is said. `sentAt` in milliseconds since 1970: by the sender's own clock. */
interface Manner {
  readonly withPicture?: boolean;
  readonly sentAt?: number;
  readonly inReplyTo?: string;
}

/** Tells one contact's life. Its clock only goes forward. */
export class LifeSimulator {
  readonly steps: Step[] = [];
  private readonly home: Channel;
  private agentId: string | null = null;
  private leads = 0;

  constructor(
    private readonly chance: Random,
    private readonly people: Population,
    readonly person: Person,
    private clock: number,
    private readonly campaignAt: (ms: number) => DemoBroadcast,
  ) {
    this.home = chance.pickWeighted(channels);
  }

  /** `long`: three leads, each worked on to its end. */
  simulate(long: boolean, anAgent: () => string): void {
    const { chance } = this;
    while (this.leads < 3) {
      this.opens(long && this.leads === 0);
      if (!this.isWorkedOn(long, anAgent)) return;
      if (!long && !chance.boolean(0.3)) break;
      this.wait(4 * 24, 20 * 24);
    }
    if (!long && chance.boolean(0.05)) {
      this.wait(1, 72);
      this.says('chat', 'STOP');
    }
  }

  /** `plain`: by writing, and nothing was sent before. */
  private opens(plain: boolean): void {
    const { questions: asks, repliesToBroadcast } = this.people;
    this.agentId = null;
    this.leads += 1;
    const kind = plain ? 'chat' : this.chance.pickWeighted({ chat: 55, broadcast_reply: 25, integration: 20 });
    const sent = plain ? null : this.isSentBroadcast(kind === 'broadcast_reply');
    if (kind === 'integration') this.sendsForm();
    else if (kind === 'chat') this.says(kind, this.chance.pick(asks));
    else this.says(kind, repliesToBroadcast, { inReplyTo: sent ?? this.messageId(this.home) });
  }

  /** The message of the campaign that runs, and what the provider says of it; null when the contact is reached in other ways. */
  private isSentBroadcast(isAnswered: boolean): string | null {
    const { chance, person } = this;
    if (this.home !== 'whatsapp' || !(isAnswered || chance.boolean(0.6))) return null;
    const { broadcastId } = this.campaignAt(this.clock);
    let messageId = '';
    for (const attempt of drawDelivery(chance, isAnswered)) {
      if (messageId !== '') this.wait(24, 30);
      messageId = this.messageId('whatsapp');
      const { contactId } = person;
      const [given = person.name] = person.name.split(' ');
      const send: SendBroadcast = { type: 'SendBroadcast', broadcastId, contactId, messageId, parameters: [given] };
      const sentAt = this.clock;
      const calls = attempt.map((told) => ({
        ask: toReceiveReceipts(messageId, sentAt, told),
        after: receivedAfterSeconds(told),
      }));
      // Now and then the provider is faster than whoever tells us of the send.
      const early = chance.boolean(0.15) ? 1 : 0;
      for (const { ask, after } of calls.slice(0, early)) this.hears(ask, sentAt, after);
      this.add(send, null);
      for (const { ask, after } of calls.slice(early)) this.hears(ask, sentAt, after);
    }
    this.wait(0.1, 20);
    return messageId;
  }

  private hears(ask: ReceiveReceipts, sentAt: number, after: number): void {
    this.clock = Math.max(this.clock, sentAt + after * 1_000);
    this.add(ask, null);
  }

  /** Whether the lead was brought to its end. */
  private isWorkedOn(long: boolean, anAgent: () => string): boolean {
    const { chance } = this;
    const isForgotten = (probability: number): boolean => !long && chance.boolean(probability);
    if (chance.boolean(0.8)) this.isScored();
    if (isForgotten(0.04)) return false;
    this.isAssigned(anAgent());
    this.isReached();
    this.talks(long ? 5 : chance.int(0, 3));
    if (chance.boolean(0.75)) this.moves('qualifying');
    if (chance.boolean(0.7)) this.isScored();
    if (chance.boolean(0.12)) this.isAssigned(anAgent(), 'Speaks the language');
    if (long || chance.boolean(0.75)) this.hasFollowUp();
    if (isForgotten(0.16)) return false;
    if (chance.boolean(0.25)) this.isJudged();
    if (chance.boolean(0.08)) this.isLate(30);
    if (isForgotten(0.05)) return false;
    this.ends();
    return true;
  }

  private isReached(): void {
    this.wait(0.1, 6);
    if (this.chance.boolean(0.85)) this.isAnswered();
    else this.moves('contacted', 'Called back');
  }

  private talks(turns: number): void {
    for (let turn = 0; turn < turns; turn++) {
      this.wait(0.05, 14);
      this.says('chat', this.chance.pick([...this.people.answers, ...this.people.questions]), {
        withPicture: turn === 2,
      });
      if (!this.chance.boolean(0.7)) continue;
      this.wait(0.05, 4);
      this.isAnswered();
    }
  }

  private hasFollowUp(): void {
    const { chance } = this;
    this.wait(0.5, 20);
    const inDays = (least: number, most: number): string =>
      toIsoTime(
        Math.ceil((this.clock + (least + chance.next() * (most - least)) * dayMs) / (hourMs / 2)) * (hourMs / 2),
      );
    const note = chance.pick(['Call back', 'Ask about the test ride', 'Send the offer again']);
    const alsoSetStatus = chance.boolean(0.6);
    this.add({ type: 'CreateFollowUp', dueAt: inDays(1, 14), note, assigneeId: null, alsoSetStatus });
    if (chance.boolean(0.2)) {
      this.wait(6, 24);
      this.add({ type: 'RescheduleFollowUp', dueAt: inDays(2, 16), reason: 'On holiday until then' });
    }
    this.wait(24, 150);
    const outcome = chance.pickWeighted({ completed: 38, cancelled: 8, open: 54 });
    if (outcome === 'completed') this.add({ type: 'CompleteFollowUp', note: 'Reached by phone' });
    if (outcome === 'cancelled') this.add({ type: 'CancelFollowUp', reason: 'Came to the shop' });
  }

  /** A person's own score, which later AI results do not change until it is unpinned. */
  private isJudged(): void {
    this.wait(0.5, 30);
    this.moves('qualified', 'Met in the shop', this.chance.int(60, 95));
    this.isScored();
    if (!this.chance.boolean(0.4)) return;
    this.wait(1, 20);
    this.add({ type: 'UnpinScore' });
    this.isScored();
  }

  private ends(): void {
    const { chance } = this;
    this.wait(2, 90);
    const status = chance.pickWeighted({ converted: 42, lost: 43, archived: 15 });
    const reason = chance.pick(endings[status]);
    this.add({ type: 'ChangeStatus', status, score: null, reason, note: null });
    if (chance.boolean(0.12)) this.isLate(0.5);
    if (chance.boolean(0.06)) this.isScored();
    if (status === 'converted' && chance.boolean(0.3)) {
      this.wait(0.1, 3);
      this.isAnswered();
    }
  }

  /** A message that took its time: its sender's clock is up to so many hours behind. */
  private isLate(hours: number): void {
    const sentAt = this.clock - (0.1 + this.chance.next() * 0.9) * hours * hourMs;
    this.says('chat', this.chance.pick(this.people.answers), { sentAt });
  }

  private says(kind: 'chat' | 'broadcast_reply', text: string, more: Manner = {}): void {
    const { withPicture = false, sentAt, inReplyTo = null } = more;
    const media = withPicture ? { type: 'image', url: `https://media.example/${this.chance.hex(12)}.jpg` } : null;
    const messageId = this.messageId(this.home);
    const { name, phone, email } = this.person;
    const reachable = this.home === 'whatsapp' || this.home === 'sms' ? { ...(phone && { phone }) } : {};
    const profile = { name, ...reachable, ...(this.home === 'email' || this.leads > 1 ? { email } : {}) };
    // Providers tell time in whole seconds.
    const occurredAt = sentAt === undefined ? null : { at: toIsoTime(Math.floor(sentAt / 1_000) * 1_000), digits: 0 };
    const { contactId } = this.person;
    const said = { contactId, channel: this.home, kind, messageId, occurredAt, text, media, inReplyTo };
    this.add({ type: 'RecordInteraction', ...said, integration: null, profile }, null);
  }

  private sendsForm(): void {
    const { contactId, name, phone, email, language } = this.person;
    const source = this.chance.pick(['website', 'price comparison', 'trade fair']);
    const integration = {
      form: 'Test ride',
      source,
      fields: { language, wishes: this.chance.pick(this.people.questions) },
    };
    const profile = { name, email, ...(phone && { phone }) };
    const messageId = this.messageId('integration');
    const said = {
      contactId,
      channel: 'integration',
      kind: 'integration',
      messageId,
      text: null,
      media: null,
    } as const;
    this.add({ type: 'RecordInteraction', ...said, occurredAt: null, inReplyTo: null, integration, profile }, null);
  }

  private isAnswered(): void {
    const text = this.chance.pick(this.people.offers);
    const messageId = this.messageId(this.home);
    this.add({ type: 'RecordOutboundMessage', messageId, channel: this.home, text, sentAt: null });
  }

  private isAssigned(agentId: string, note: string | null = null): void {
    this.wait(0.1, 5);
    this.agentId = agentId;
    this.add({ type: 'AssignAgent', agentId, mode: 'manual', moveFollowUps: true, note, onlyIf: null });
  }

  private moves(status: Status, note: string | null = null, score: number | null = null): void {
    this.wait(0.1, 12);
    this.add({ type: 'ChangeStatus', status, score, reason: null, note });
  }

  private isScored(): void {
    this.wait(0.01, 0.1);
    const moved = factors.filter(() => this.chance.boolean(0.4));
    const score = Math.max(
      0,
      Math.min(
        100,
        moved.reduce((sum, { weight }) => sum + weight, 45),
      ),
    );
    const rationale = moved.length > 0 ? `The contact ${moved.map(({ label }) => label).join(', ')}.` : null;
    const model = { model: 'sample-scorer', modelVersion: '1' };
    this.add({ type: 'RecordAiResult', score, ...model, rationale, factors: moved, readUpTo: null }, null);
  }

  /** So many hours pass, and the night if it is night where the contact lives. */
  private wait(least: number, most: number): void {
    this.clock += (least + this.chance.next() * (most - least)) * hourMs;
    const local = (this.clock / hourMs + this.people.hoursFromUtc) % 24;
    if (local >= 21 || local < 8) this.clock += (((32 - local) % 24) + this.chance.next() * 2) * hourMs;
  }

  private messageId(channel: Channel): string {
    return messageIds[channel](this.chance);
  }

  private add(ask: Step['command'], agentId: string | null = this.agentId): void {
    this.steps.push({ at: toIsoTime(this.clock), agentId, command: ask });
  }
}
