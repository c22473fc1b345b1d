import type { EventType, RecordedEvent } from '#domain/event';
import type { Position } from '#domain/event-envelope';
import { type Origin, isFinal } from '#domain/lead/lead.vocabulary';
import { contactKeyOf } from '#domain/lead/lead.id';
import { countInteractionsRead } from '#domain/lead/lead.read-count';
import { contactStream } from '#commands/ids';
import type { ContactCommandInput } from '#commands/contact.handler';
import { causedBy } from '#commands/command-context';
import { readStream, type EventStore } from '#event-store/event-store';
import type { DueItem, ScheduledTask, SchedulerClock } from './scheduled-task.js';
import type { DispatchContactCommand } from './reactor.js';
import { ScoringError, type Interaction, type Scorer } from './scorer.js';

/** An active lead with interactions that no scorer has read, and the newest of them. */
interface UnreadLead {
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

/** Unread leads of all organizations whose newest interaction was recorded before `time`, oldest first, with the view's checkpoint. */
export type UnreadBefore = (
  time: string,
) => AsyncIterable<{ readonly row: UnreadLead; readonly checkpoint: Position | null }>;

/** Called after each call of the scorer, with its duration. */
export type ScoringListener = (outcome: 'scored' | 'failed', seconds: number) => void;

interface Qualification extends DueItem {
  readonly lead: UnreadLead;
}

/** The state of a lead that scoring needs, read from the log. */
interface ScoringInput {
  readonly origin: Origin;
  readonly active: boolean;
  readonly interactions: readonly Interaction[];
  /** How many of the interactions a scorer had read when it returned a result or failed. */
  readonly readCount: number;
  readonly newest: { readonly id: string; readonly position: Position; readonly recordedAt: string };
  /** Position of the lead's newest event. */
  readonly position: Position;
}

/**
 * Scores an active lead once `debounceMs` have passed since its newest interaction. The input is read from the log at that time. The
 * command id is derived from the newest interaction read, so that only one outcome is recorded for each input, by any worker.
 */
export class QualifyLeads implements ScheduledTask<Qualification> {
  readonly name = 'qualify-leads';

  constructor(
    private readonly unreadBefore: UnreadBefore,
    private readonly log: Pick<EventStore, 'read'>,
    private readonly scorer: Scorer,
    private readonly debounceMs: number,
    private readonly dispatch: DispatchContactCommand,
    private readonly clock: Pick<SchedulerClock, 'now'>,
    private readonly onScored: ScoringListener = () => undefined,
  ) {}

  async *dueBefore(time: string): AsyncGenerator<Qualification> {
    for await (const { row: lead, checkpoint } of this.unreadBefore(addMs(time, -this.debounceMs))) {
      const { leadId: id, newest } = lead;
      yield { id, at: addMs(newest.recordedAt, this.debounceMs), cause: newest, checkpoint, lead };
    }
  }

  async run({ lead: { org, leadId, newest: cause } }: Qualification, signal: AbortSignal): Promise<Position> {
    const input = await this.readInput(org, leadId);
    if (!input?.active || input.interactions.length <= input.readCount) return input?.position ?? cause.position;
    // The view has not seen the newest interaction yet. Once it has, the lead becomes due again.
    if (addMs(input.newest.recordedAt, this.debounceMs) > this.clock.now()) return input.newest.position;
    const command = await this.score(leadId, input, signal);
    const newest = { org, id: input.newest.id, correlation: cause.correlation };
    const actor = { type: 'ai', id: this.scorer.model } as const;
    const { position } = await this.dispatch(command, causedBy(newest, this.name, actor, this.clock.now()));
    return position;
  }

  private async score(
    leadId: string,
    { origin, interactions, newest }: ScoringInput,
    signal: AbortSignal,
  ): Promise<ContactCommandInput> {
    const { model } = this.scorer;
    const readUpTo = newest.id;
    const start = performance.now();
    const secondsSinceStart = (): number => (performance.now() - start) / 1_000;
    try {
      const result = await this.scorer.score({ origin, interactions }, signal);
      this.onScored('scored', secondsSinceStart());
      return { type: 'RecordAiResult', leadId, model, readUpTo, ...result };
    } catch (error) {
      if (signal.aborted || !(error instanceof ScoringError)) throw error;
      this.onScored('failed', secondsSinceStart());
      return { type: 'RecordQualificationFailure', leadId, model, readUpTo, reason: error.message };
    }
  }

  private async readInput(org: string, leadId: string): Promise<ScoringInput | undefined> {
    let input: ScoringInput | undefined;
    for await (const event of readStream(this.log, contactStream(org, contactKeyOf(leadId))))
      input = evolve(input, event, leadId);
    return input;
  }
}

function evolve(input: ScoringInput | undefined, event: RecordedEvent, leadId: string): ScoringInput | undefined {
  if (!('leadId' in event.data) || event.data.leadId !== leadId) return input;
  const { position, meta } = event;
  if (event.type === 'LeadOpened') {
    const newest = { id: event.id, position, recordedAt: meta.recordedAt };
    return { origin: event.data.origin, active: true, interactions: [], readCount: 0, newest, position };
  }
  if (!input) return undefined;
  if (event.type === 'InteractionRecorded') {
    const { channel, kind } = event.data;
    const { text, media, integration: form } = event.personal;
    const interaction = { at: meta.occurredAt, channel, kind, text, hasMedia: media !== null, form };
    const newest = { id: event.id, position, recordedAt: meta.recordedAt };
    return { ...input, position, interactions: [...input.interactions, interaction], newest };
  }
  if (event.type === 'LeadStatusChanged')
    return { ...input, position, active: input.active && !isFinal(event.data.to) };
  return { ...input, position, readCount: Math.max(input.readCount, countInteractionsRead(event)) };
}

const addMs = (time: string, ms: number): string => new Date(Date.parse(time) + ms).toISOString();
