import type { EventType } from '#domain/event';
import type { Position } from '#domain/event-envelope';
import { causedBy, systemActor } from '#commands/command-context';
import type { DueItem, ScheduledTask, SchedulerClock } from './scheduled-task.js';
import type { DispatchContactCommand } from './reactor.js';

/** An open follow-up that was not reminded of since it is due then. */
interface FollowUp {
  readonly org: string;
  readonly leadId: string;
  readonly id: string;
  readonly dueAt: string;
  /** The event that says so. */
  readonly dueBy: {
    readonly id: string;
    readonly type: EventType;
    readonly position: Position;
    readonly correlation: string;
  };
}

/** Of all organizations, those that are due before a time, the soonest first; and how far the view was that says so. */
export type RemindersBefore = (
  time: string,
) => AsyncIterable<{ readonly row: FollowUp; readonly checkpoint: Position | null }>;

interface Reminder extends DueItem {
  readonly followUp: FollowUp;
}

/** A follow-up's reminder fires when it is due. Whether there still is something to be reminded of is decided on the log. */
export class RemindFollowUps implements ScheduledTask<Reminder> {
  readonly name = 'remind-follow-ups';

  constructor(
    private readonly remindersBefore: RemindersBefore,
    private readonly ask: DispatchContactCommand,
    private readonly time: Pick<SchedulerClock, 'now'>,
  ) {}

  async *dueBefore(time: string): AsyncGenerator<Reminder> {
    for await (const { row: followUp, checkpoint } of this.remindersBefore(time))
      yield { id: followUp.id, at: followUp.dueAt, cause: followUp.dueBy, checkpoint, followUp };
  }

  /** Caused by what set the time: another time is another reminder. */
  async run({ followUp: { org, leadId, id: followUpId, dueAt, dueBy } }: Reminder): Promise<Position> {
    const { position } = await this.ask(
      { type: 'RemindFollowUp', leadId, followUpId, dueAt },
      causedBy({ org, ...dueBy }, this.name, systemActor(this.name), this.time.now()),
    );
    return position;
  }
}
