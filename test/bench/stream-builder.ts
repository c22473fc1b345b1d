import { createCommandId, deriveId, createIdFactory } from '#commands/ids';
import { defaultPolicy, type Decider } from '#domain/decider';
import { currentSchemaVersion } from '#domain/event-codec';
import type { Actor, NewEvent, StoredEvent } from '#domain/event-envelope';
import type { DomainEvent } from '#domain/event';

/** Events to be appended together. */
export interface Append {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly stream: string;
  readonly expectedVersion: number;
  readonly events: readonly StoredEvent[];
}

/** Builds the events of one stream by running commands through the real decider, as the service does. */
export class StreamBuilder<State, Command, Event extends DomainEvent> {
  readonly appends: Append[] = [];
  state: State;
  private version = 0;

  constructor(
    private readonly decider: Decider<State, Command, Event>,
    private readonly org: string,
    private readonly name: string,
  ) {
    this.state = decider.initialState;
  }

  execute(command: Command, at: number, actor: Actor): void {
    const now = new Date(at).toISOString();
    const commandId = this.idFor(`command ${this.version}`);
    const context = { now, backdated: false, actor, policy: defaultPolicy, stableId: createIdFactory(this.name) };
    const drafts = this.decider.decide(command, this.state, context) as readonly NewEvent<DomainEvent>[];
    if (drafts.length === 0) return;
    const events = drafts.map((draft, index): StoredEvent => {
      const { type, data, id = deriveId(commandId, index), occurredAt = now, causation = commandId } = draft;
      const personal = 'personal' in draft ? { personal: draft.personal } : {};
      const origin = { actor: draft.actor ?? actor, correlation: commandId, causation, commandId };
      return {
        id,
        type,
        v: currentSchemaVersion(type),
        org: this.org,
        data,
        ...personal,
        meta: { ...origin, occurredAt, recordedAt: now },
      };
    });
    this.appends.push({ at, stream: this.name, expectedVersion: this.version, events });
    this.version += events.length;
    for (const event of events) this.state = this.decider.evolve(this.state, event as unknown as Event & StoredEvent);
  }

  /** Derives a UUID from the stream and a name. Not random, because the generator's 32 bits are too few for millions of ids. */
  idFor(name: string): string {
    return createCommandId(this.org, `${this.name} ${name}`);
  }
}
