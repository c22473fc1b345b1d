import type { EventType } from '#domain/event';
import type { Position } from '#domain/event-envelope';
import { causedBy, systemActor } from '#commands/command-context';
import type { DueItem, ScheduledTask, SchedulerClock } from './scheduled-task.js';
import type { DispatchContactCommand } from './reactor.js';

/** An open follow-up without a reminder for its due time. */
interface FollowUp {
  readonly org: string;
  readonly leadId: string;
  readonly id: string;
  readonly dueAt: string;
  /** The event that set `dueAt`. */
  readonly dueBy: {
    readonly id: string;
    readonly type: EventType;
    readonly position: Position;
    readonly correlation: string;
  };
}

/** Such follow-ups of all organizations that are due before `time`, soonest due first, with the view's checkpoint. */
export type RemindersBefore = (
  time: string,
) => AsyncIterable<{ readonly row: FollowUp; readonly checkpoint: Position | null }>;

interface Reminder extends DueItem {
  readonly followUp: FollowUp;
}

/** Sends a reminder when a follow-up is due. The decider skips a follow-up that has been closed, rescheduled or reminded since. */
export class RemindFollowUps implements ScheduledTask<Reminder> {
  readonly name = 'remind-follow-ups';

  constructor(
    private readonly remindersBefore: RemindersBefore,
    private readonly dispatch: DispatchContactCommand,
    private readonly clock: Pick<SchedulerClock, 'now'>,
  ) {}

  async *dueBefore(time: string): AsyncGenerator<Reminder> {
    for await (const { row: followUp, checkpoint } of this.remindersBefore(time))
      yield { id: followUp.id, at: followUp.dueAt, cause: followUp.dueBy, checkpoint, followUp };
  }

  /** The cause is the event that set the due time, so a rescheduled follow-up gets a new reminder. */
  async run({ followUp: { org, leadId, id: followUpId, dueAt, dueBy } }: Reminder): Promise<Position> {
    const { position } = await this.dispatch(
      { type: 'RemindFollowUp', leadId, followUpId, dueAt },
      causedBy({ org, ...dueBy }, this.name, systemActor(this.name), this.clock.now()),
    );
    return position;
  }
}
