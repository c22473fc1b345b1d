import type { EventType, Position, RecordedEvent } from '#domain/event';
import type { Origin } from '#domain/lead/lead.state';
import { isFinal } from '#domain/lead/lead.state';
import { contactKeyOf } from '#domain/lead/lead.id';
import { countInteractionsRead } from '#domain/lead/lead.read-count';
import { contactStream } from '#commands/ids';
import type { ContactCommandInput } from '#commands/contact.handler';
import { causedBy } from '#commands/command-context';
import type { EventStore } from '#event-store/event-store';
import type { DueItem, ScheduledTask, SchedulerClock } from './scheduled-task.js';
import type { DispatchContactCommand } from './reactor.js';
import { ScoringError, type Interaction, type Scorer } from './scorer.js';

/** An active lead with interactions that no AI has read. */
interface Unread {
  readonly org: string;
  readonly leadId: string;
  readonly newest: {
    readonly id: string;
    readonly type: EventType;
    readonly position: Position;
    readonly recordedAt: string;
    readonly correlation: string;
  };
}

/** Of all organizations, those whose newest interaction was recorded before a time, the longest ago first. */
export type UnreadBefore = (
  time: string,
) => AsyncIterable<{ readonly row: Unread; readonly checkpoint: Position | null }>;

/** Hears how each question to a scorer ended, and after how many seconds. */
export type ScoringListener = (outcome: 'scored' | 'failed', seconds: number) => void;

interface Qualification extends DueItem {
  readonly lead: Unread;
}

/** What the log says of a lead now. */
interface Read {
  readonly origin: Origin;
  readonly active: boolean;
  readonly interactions: readonly Interaction[];
  /** How many of them an AI has read, or was given in vain. */
  readonly read: number;
  readonly newest: { readonly id: string; readonly position: Position; readonly recordedAt: string };
  /** Of the lead's newest event. */
  readonly position: Position;
}

/**
 * A scorer judges an active lead some time after its newest interaction. What it reads is what the log says then; the command's id comes
 * from the newest interaction that it has read, so one input has one outcome, whoever asks, and is not asked for again.
 */
export class QualifyLeads implements ScheduledTask<Qualification> {
  readonly name = 'qualify-leads';

  constructor(
    private readonly unreadBefore: UnreadBefore,
    private readonly log: Pick<EventStore, 'read'>,
    private readonly scorer: Scorer,
    private readonly debounceMs: number,
    private readonly ask: DispatchContactCommand,
    private readonly time: Pick<SchedulerClock, 'now'>,
    private readonly hear: ScoringListener = () => undefined,
  ) {}

  async *dueBefore(time: string): AsyncGenerator<Qualification> {
    for await (const { row: lead, checkpoint } of this.unreadBefore(later(time, -this.debounceMs))) {
      const { leadId: id, newest } = lead;
      yield { id, at: later(newest.recordedAt, this.debounceMs), cause: newest, checkpoint, lead };
    }
  }

  async run({ lead: { org, leadId, newest: cause } }: Qualification, signal: AbortSignal): Promise<Position> {
    const lead = await this.read(org, leadId);
    if (!lead?.active || lead.interactions.length <= lead.read) return lead?.position ?? cause.position;
    // Something came that the view does not know yet: it becomes due anew.
    if (later(lead.newest.recordedAt, this.debounceMs) > this.time.now()) return lead.newest.position;
    const outcome = await this.judge(leadId, lead, signal);
    const read = { org, id: lead.newest.id, correlation: cause.correlation };
    const actor = { type: 'ai', id: this.scorer.model } as const;
    const { position } = await this.ask(outcome, causedBy(read, this.name, actor, this.time.now()));
    return position;
  }

  private async judge(
    leadId: string,
    { origin, interactions, newest }: Read,
    signal: AbortSignal,
  ): Promise<ContactCommandInput> {
    const { model } = this.scorer;
    const start = performance.now();
    const readUpTo = newest.id;
    const end = (outcome: 'scored' | 'failed'): void => this.hear(outcome, (performance.now() - start) / 1_000);
    try {
      const judgement = await this.scorer.score({ origin, interactions }, signal);
      end('scored');
      return { type: 'RecordAiResult', leadId, model, readUpTo, ...judgement };
    } catch (error) {
      if (signal.aborted || !(error instanceof ScoringError)) throw error;
      end('failed');
      return { type: 'RecordQualificationFailure', leadId, model, readUpTo, reason: error.message };
    }
  }

  private async read(org: string, leadId: string): Promise<Read | undefined> {
    let lead: Read | undefined;
    const stream = contactStream(org, contactKeyOf(leadId));
    for (let version = 0; ;) {
      const events = await this.log.read(stream, version, 1_000);
      for (const event of events) lead = after(lead, event, leadId);
      version += events.length;
      if (events.length < 1_000) return lead;
    }
  }
}

function after(lead: Read | undefined, event: RecordedEvent, leadId: string): Read | undefined {
  if (!('leadId' in event.data) || event.data.leadId !== leadId) return lead;
  const { position, meta } = event;
  if (event.type === 'LeadOpened') {
    const newest = { id: event.id, position, recordedAt: meta.recordedAt };
    return { origin: event.data.origin, active: true, interactions: [], read: 0, newest, position };
  }
  if (!lead) return undefined;
  const next = { ...lead, position };
  if (event.type === 'InteractionRecorded') {
    const { channel, kind } = event.data;
    const { text, media, integration: form } = event.personal;
    const interaction = { at: meta.occurredAt, channel, kind, text, hasMedia: media !== null, form };
    const newest = { id: event.id, position, recordedAt: meta.recordedAt };
    return { ...next, interactions: [...lead.interactions, interaction], newest };
  }
  if (event.type === 'LeadStatusChanged') return { ...next, active: lead.active && !isFinal(event.data.to) };
  return { ...next, read: Math.max(lead.read, countInteractionsRead(event)) };
}

const later = (time: string, ms: number): string => new Date(Date.parse(time) + ms).toISOString();
