import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { contactKeyOf } from '#domain/lead/lead.id';
import { currentSchemaVersion } from '#domain/event-codec';
import type { Actor, Position } from '#domain/event-envelope';
import type { EventType, RecordedEvent } from '#domain/event';
import { EventStore } from '#event-store/event-store';

/** An event as callers see it. */
export interface EventResource {
  readonly id: string;
  readonly type: EventType;
  /** Of the shape that `data` has. */
  readonly v: number;
  /** Null where it is about no lead. */
  readonly leadId: string | null;
  /** Null where it is about no contact, or about one that is not known yet. */
  readonly contactId: string | null;
  readonly occurredAt: string;
  readonly recordedAt: string;
  readonly actor: Actor;
  readonly correlationId: string;
  readonly causationId: string;
  readonly data: object;
  readonly position: Position;
}

export function toEventResource(event: RecordedEvent, contactId: string | null): EventResource {
  const { id, type, meta, data, position } = event;
  return {
    id,
    type,
    v: currentSchemaVersion(type),
    leadId: 'leadId' in data ? data.leadId : null,
    contactId,
    occurredAt: meta.occurredAt,
    recordedAt: meta.recordedAt,
    actor: meta.actor,
    correlationId: meta.correlation,
    causationId: meta.causation,
    data: { ...data, ...('personal' in event ? event.personal : {}) },
    position,
  };
}

/** How many contacts' ids are remembered. They never change. */
const mostContacts = 20_000;

/**
 * Events as callers see them, wherever in the log they stand. Most name their contact by its key alone, and no key leads back to an
 * id: the id is told by an event of the same stream, the first of a contact's and the send of a message's.
 */
@Injectable()
export class EventResourceMapper {
  private readonly contactIds = new LRUCache<string, string>({ max: mostContacts });

  constructor(private readonly log: EventStore) {}

  async map(events: readonly RecordedEvent[]): Promise<readonly EventResource[]> {
    for (const event of events) this.learn(event);
    return Promise.all(events.map(async (event) => toEventResource(event, await this.contactIdOf(event))));
  }

  private async contactIdOf(event: RecordedEvent): Promise<string | null> {
    const key = contactKeyIn(event);
    if (key === undefined) return null;
    // Nearly always the first; only receipts that came before the send stand before it in a message's stream.
    for (let version = 0, limit = 1; version < event.version && !this.contactIds.has(key); limit = 100) {
      const earlier = await this.log.read(event.stream, version, limit);
      for (const one of earlier) this.learn(one);
      version += earlier.length;
    }
    return this.contactIds.get(key) ?? null;
  }

  private learn(event: RecordedEvent): void {
    if (!('personal' in event && 'contactId' in event.personal)) return;
    const key = contactKeyIn(event);
    const { contactId } = event.personal;
    if (key !== undefined && contactId !== null) this.contactIds.set(key, contactId);
  }
}

/** Made of organization and contact: no two organizations have the same. */
function contactKeyIn({ data }: RecordedEvent): string | undefined {
  if ('contactKey' in data) return data.contactKey;
  if ('leadId' in data) return contactKeyOf(data.leadId);
  return 'recipient' in data ? data.recipient?.contactKey : undefined;
}
