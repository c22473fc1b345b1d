import type { ContactCommandInput } from '#commands/contact.handler';
import type { Channel } from '#domain/vocabulary';
import type { Factor, FinalStatus, Status } from '#domain/lead/lead.vocabulary';
import {
  drawDelivery,
  receivedAfterSeconds,
  toReceiveReceipts,
  type DemoBroadcast,
  type ReceiveReceipts,
  type SendBroadcast,
} from './broadcasts.js';
import type { NonEmpty, Population } from './populations.js';
import type { Random } from './random.js';

/** The contact commands that the demo sends. */
type DemoCommandType =
  | 'RecordInteraction'
  | 'CreateLead'
  | 'ChangeStatus'
  | 'AssignAgent'
  | 'UnassignAgent'
  | 'RecordAiResult'
  | 'UnpinScore'
  | 'CreateFollowUp'
  | 'CompleteFollowUp'
  | 'CancelFollowUp'
  | 'RescheduleFollowUp'
  | 'RecordOutboundMessage';

/** A command without the ids that only the service knows: they are those of the contact's newest lead and follow-up. */
type WithoutServiceIds<Command> = Command extends { type: DemoCommandType }
  ? Omit<Command, 'leadId' | 'followUpId'>
  : never;

export interface Step<Command = WithoutServiceIds<ContactCommandInput> | SendBroadcast | ReceiveReceipts> {
  /** RFC 3339, UTC. Never before the previous step. */
  readonly at: string;
  /** The agent who acts; null for a service. */
  readonly agentId: string | null;
  readonly command: Command;
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

/** Message ids in the format of each channel's provider. */
const createMessageId: Readonly<Record<Channel, (random: Random) => string>> = {
  whatsapp: (random) => `wamid.HBgL${random.hex(28).toUpperCase()}`,
  sms: (random) => `SM${random.hex(32)}`,
  email: (random) => `<${random.hex(20)}@mail.example>`,
  webchat: (random) => `${random.hex(8)}-${random.hex(4)}-4${random.hex(3)}-a${random.hex(3)}-${random.hex(12)}`,
  facebook: (random) => `m_${random.hex(32)}`,
  instagram: (random) => `aWdfZAG1${random.hex(32)}`,
  telegram: (random) => `${random.int(100_000_000, 999_999_999)}:${random.int(1_000, 9_999)}`,
  integration: (random) => `form-${random.hex(16)}`,
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

const closingReasons: Readonly<Record<FinalStatus, NonEmpty<string>>> = {
  converted: ['Bought in the shop', 'Ordered online', 'Paid the deposit'],
  lost: ['Too expensive', 'Bought elsewhere', 'No answer after three tries', 'Wants another size'],
  archived: ['Asks again in spring', 'Waits for the new model'],
};

interface MessageOptions {
  readonly withPicture?: boolean;
  /** By the sender's own clock, in milliseconds since 1970. */
  readonly sentAt?: number;
  readonly inReplyTo?: string;
}

/** Generates the steps of one contact's life. The simulated clock only moves forward. */
export class LifeSimulator {
  readonly steps: Step[] = [];
  private readonly channel: Channel;
  private agentId: string | null = null;
  private leads = 0;

  constructor(
    private readonly random: Random,
    private readonly population: Population,
    private readonly person: Person,
    private clock: number,
    private readonly broadcastAt: (ms: number) => DemoBroadcast,
  ) {
    this.channel = random.pickWeighted(channels);
  }

  /** `isComplete`: the contact has three leads, each worked on until it is closed. */
  simulate(isComplete: boolean, pickAgent: () => string): void {
    const { random } = this;
    while (this.leads < 3) {
      this.openLead(isComplete && this.leads === 0);
      if (!this.workOnLead(isComplete, pickAgent)) return;
      if (!isComplete && !random.boolean(0.3)) break;
      this.wait(4 * 24, 20 * 24);
    }
    if (!isComplete && random.boolean(0.05)) {
      this.wait(1, 72);
      this.receiveMessage('chat', 'STOP');
    }
  }

  /** `isPlain`: the contact writes first, and no broadcast was sent before. */
  private openLead(isPlain: boolean): void {
    const { questions, repliesToBroadcast } = this.population;
    this.agentId = null;
    this.leads += 1;
    const kind = isPlain ? 'chat' : this.random.pickWeighted({ chat: 55, broadcast_reply: 25, integration: 20 });
    const broadcastMessageId = isPlain ? null : this.sendBroadcast(kind === 'broadcast_reply');
    if (kind === 'integration') this.receiveForm();
    else if (kind === 'chat') this.receiveMessage(kind, this.random.pick(questions));
    else {
      const inReplyTo = broadcastMessageId ?? this.newMessageId(this.channel);
      this.receiveMessage(kind, repliesToBroadcast, { inReplyTo });
    }
  }

  /** Sends the current broadcast, with the provider's receipts. Returns null if the contact gets no broadcast. */
  private sendBroadcast(isAnswered: boolean): string | null {
    const { random, person } = this;
    if (this.channel !== 'whatsapp' || !(isAnswered || random.boolean(0.6))) return null;
    const { broadcastId } = this.broadcastAt(this.clock);
    let messageId = '';
    for (const attempt of drawDelivery(random, isAnswered)) {
      if (messageId !== '') this.wait(24, 30);
      messageId = this.newMessageId('whatsapp');
      const { contactId } = person;
      const [givenName = person.name] = person.name.split(' ');
      const sentAt = this.clock;
      const calls = attempt.map((reports) => ({
        command: toReceiveReceipts(messageId, sentAt, reports),
        seconds: receivedAfterSeconds(reports),
      }));
      // Sometimes the provider's receipt arrives before the send is recorded.
      const early = random.boolean(0.15) ? 1 : 0;
      for (const { command, seconds } of calls.slice(0, early)) this.receiveReceipts(command, sentAt, seconds);
      this.add({ type: 'SendBroadcast', broadcastId, contactId, messageId, parameters: [givenName] }, null);
      for (const { command, seconds } of calls.slice(early)) this.receiveReceipts(command, sentAt, seconds);
    }
    this.wait(0.1, 20);
    return messageId;
  }

  private receiveReceipts(command: ReceiveReceipts, sentAt: number, seconds: number): void {
    this.clock = Math.max(this.clock, sentAt + seconds * 1_000);
    this.add(command, null);
  }

  /** Returns whether the lead was closed. */
  private workOnLead(isComplete: boolean, pickAgent: () => string): boolean {
    const { random } = this;
    const isAbandoned = (probability: number): boolean => !isComplete && random.boolean(probability);
    if (random.boolean(0.8)) this.score();
    if (isAbandoned(0.04)) return false;
    this.assign(pickAgent());
    this.contact();
    this.chat(isComplete ? 5 : random.int(0, 3));
    if (random.boolean(0.75)) this.changeStatus('qualifying');
    if (random.boolean(0.7)) this.score();
    if (random.boolean(0.12)) this.assign(pickAgent(), 'Speaks the language');
    if (isComplete || random.boolean(0.75)) this.followUp();
    if (isAbandoned(0.16)) return false;
    if (random.boolean(0.25)) this.pinScore();
    if (random.boolean(0.08)) this.receiveLateMessage(30);
    if (isAbandoned(0.05)) return false;
    this.close();
    return true;
  }

  private contact(): void {
    this.wait(0.1, 6);
    if (this.random.boolean(0.85)) this.answer();
    else this.changeStatus('contacted', 'Called back');
  }

  private chat(messages: number): void {
    for (let index = 0; index < messages; index++) {
      this.wait(0.05, 14);
      this.receiveMessage('chat', this.random.pick([...this.population.answers, ...this.population.questions]), {
        withPicture: index === 2,
      });
      if (!this.random.boolean(0.7)) continue;
      this.wait(0.05, 4);
      this.answer();
    }
  }

  private followUp(): void {
    const { random } = this;
    this.wait(0.5, 20);
    const note = random.pick(['Call back', 'Ask about the test ride', 'Send the offer again']);
    const alsoSetStatus = random.boolean(0.6);
    this.add({ type: 'CreateFollowUp', dueAt: this.halfHourIn(1, 14), note, assigneeId: null, alsoSetStatus });
    if (random.boolean(0.2)) {
      this.wait(6, 24);
      this.add({ type: 'RescheduleFollowUp', dueAt: this.halfHourIn(2, 16), reason: 'On holiday until then' });
    }
    this.wait(24, 150);
    const outcome = random.pickWeighted({ completed: 38, cancelled: 8, open: 54 });
    if (outcome === 'completed') this.add({ type: 'CompleteFollowUp', note: 'Reached by phone' });
    if (outcome === 'cancelled') this.add({ type: 'CancelFollowUp', reason: 'Came to the shop' });
  }

  /** A full or half hour, from `minDays` to `maxDays` from now. */
  private halfHourIn(minDays: number, maxDays: number): string {
    const halfHourMs = hourMs / 2;
    const days = minDays + this.random.next() * (maxDays - minDays);
    return toIsoTime(Math.ceil((this.clock + days * dayMs) / halfHourMs) * halfHourMs);
  }

  /** A score set by an agent; later AI results do not change it until it is unpinned. */
  private pinScore(): void {
    this.wait(0.5, 30);
    this.changeStatus('qualified', 'Met in the shop', this.random.int(60, 95));
    this.score();
    if (!this.random.boolean(0.4)) return;
    this.wait(1, 20);
    this.add({ type: 'UnpinScore' });
    this.score();
  }

  private close(): void {
    const { random } = this;
    this.wait(2, 90);
    const status = random.pickWeighted({ converted: 42, lost: 43, archived: 15 });
    const reason = random.pick(closingReasons[status]);
    this.add({ type: 'ChangeStatus', status, score: null, reason, note: null });
    if (random.boolean(0.12)) this.receiveLateMessage(0.5);
    if (random.boolean(0.06)) this.score();
    if (status === 'converted' && random.boolean(0.3)) {
      this.wait(0.1, 3);
      this.answer();
    }
  }

  /** A message that arrives up to `maxHours` after it was sent. */
  private receiveLateMessage(maxHours: number): void {
    const sentAt = this.clock - (0.1 + this.random.next() * 0.9) * maxHours * hourMs;
    this.receiveMessage('chat', this.random.pick(this.population.answers), { sentAt });
  }

  private receiveMessage(kind: 'chat' | 'broadcast_reply', text: string, options: MessageOptions = {}): void {
    const { withPicture = false, sentAt, inReplyTo = null } = options;
    const media = withPicture ? { type: 'image', url: `https://media.example/${this.random.hex(12)}.jpg` } : null;
    const messageId = this.newMessageId(this.channel);
    const { contactId, name, phone, email } = this.person;
    const hasPhone = phone !== null && (this.channel === 'whatsapp' || this.channel === 'sms');
    const hasEmail = this.channel === 'email' || this.leads > 1;
    const command: Step['command'] = {
      type: 'RecordInteraction',
      contactId,
      channel: this.channel,
      kind,
      messageId,
      // Providers report whole seconds.
      occurredAt: sentAt === undefined ? null : { at: toIsoTime(Math.floor(sentAt / 1_000) * 1_000), digits: 0 },
      text,
      media,
      inReplyTo,
      integration: null,
      profile: { name, ...(hasPhone && { phone }), ...(hasEmail && { email }) },
    };
    this.add(command, null);
  }

  private receiveForm(): void {
    const { contactId, name, phone, email, language } = this.person;
    const source = this.random.pick(['website', 'price comparison', 'trade fair']);
    const wishes = this.random.pick(this.population.questions);
    const command: Step['command'] = {
      type: 'RecordInteraction',
      contactId,
      channel: 'integration',
      kind: 'integration',
      messageId: this.newMessageId('integration'),
      occurredAt: null,
      text: null,
      media: null,
      inReplyTo: null,
      integration: { form: 'Test ride', source, fields: { language, wishes } },
      profile: { name, email, ...(phone !== null && { phone }) },
    };
    this.add(command, null);
  }

  private answer(): void {
    const text = this.random.pick(this.population.offers);
    const messageId = this.newMessageId(this.channel);
    this.add({ type: 'RecordOutboundMessage', messageId, channel: this.channel, text, sentAt: null });
  }

  private assign(agentId: string, note: string | null = null): void {
    this.wait(0.1, 5);
    this.agentId = agentId;
    this.add({ type: 'AssignAgent', agentId, mode: 'manual', moveFollowUps: true, note, onlyIf: null });
  }

  private changeStatus(status: Status, note: string | null = null, score: number | null = null): void {
    this.wait(0.1, 12);
    this.add({ type: 'ChangeStatus', status, score, reason: null, note });
  }

  private score(): void {
    this.wait(0.01, 0.1);
    const found = factors.filter(() => this.random.boolean(0.4));
    const sum = found.reduce((total, { weight }) => total + weight, 45);
    const rationale = found.length > 0 ? `The contact ${found.map(({ label }) => label).join(', ')}.` : null;
    const command: Step['command'] = {
      type: 'RecordAiResult',
      score: Math.max(0, Math.min(100, sum)),
      model: 'sample-scorer',
      modelVersion: '1',
      rationale,
      factors: found,
      readUpTo: null,
    };
    this.add(command, null);
  }

  /** Advances the clock by some hours and, if it is then night where the contact lives, to the morning. */
  private wait(minHours: number, maxHours: number): void {
    this.clock += (minHours + this.random.next() * (maxHours - minHours)) * hourMs;
    const localHour = (this.clock / hourMs + this.population.hoursFromUtc) % 24;
    if (localHour >= 21 || localHour < 8) this.clock += (((32 - localHour) % 24) + this.random.next() * 2) * hourMs;
  }

  private newMessageId(channel: Channel): string {
    return createMessageId[channel](this.random);
  }

  private add(command: Step['command'], agentId: string | null = this.agentId): void {
    this.steps.push({ at: toIsoTime(this.clock), agentId, command });
  }
}
