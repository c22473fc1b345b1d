import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { contactKeyOf } from '#domain/lead/lead.id';
import { currentSchemaVersion } from '#domain/event-codec';
import type { Actor, Position } from '#domain/event-envelope';
import type { EventType, RecordedEvent } from '#domain/event';
import { EventStore } from '#event-store/event-store';

/** An event as the API returns it. */
export interface EventResource {
  readonly id: string;
  readonly type: EventType;
  /** Schema version of `data`. */
  readonly v: number;
  /** Null if the event does not belong to a lead. */
  readonly leadId: string | null;
  /** Null if the event does not belong to a contact, or if the contact's ID is not known yet. */
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

/** Contact IDs never change, so they can be cached without expiry. */
const maxCachedContacts = 20_000;

/**
 * Converts events of any stream to resources. Most events contain only their contact's key, from which the ID cannot be derived.
 * Another event of the same stream contains the ID: ContactRegistered for a contact, MessageSent for a message.
 */
@Injectable()
export class EventResourceMapper {
  private readonly contactIds = new LRUCache<string, string>({ max: maxCachedContacts });

  constructor(private readonly log: EventStore) {}

  async map(events: readonly RecordedEvent[]): Promise<readonly EventResource[]> {
    for (const event of events) this.cacheContactId(event);
    return Promise.all(events.map(async (event) => toEventResource(event, await this.findContactId(event))));
  }

  private async findContactId(event: RecordedEvent): Promise<string | null> {
    const key = contactKeyIn(event);
    if (key === undefined) return null;
    // It is nearly always in the first event. In a message's stream, receipts may precede MessageSent.
    for (let version = 0, limit = 1; version < event.version && !this.contactIds.has(key); limit = 100) {
      const earlier = await this.log.read(event.stream, version, limit);
      for (const earlierEvent of earlier) this.cacheContactId(earlierEvent);
      version += earlier.length;
    }
    return this.contactIds.get(key) ?? null;
  }

  private cacheContactId(event: RecordedEvent): void {
    if (!('personal' in event && 'contactId' in event.personal)) return;
    const key = contactKeyIn(event);
    const { contactId } = event.personal;
    if (key !== undefined && contactId !== null) this.contactIds.set(key, contactId);
  }
}

/** Keys are derived from organization and contact, so no two organizations share a key. */
function contactKeyIn({ data }: RecordedEvent): string | undefined {
  if ('contactKey' in data) return data.contactKey;
  if ('leadId' in data) return contactKeyOf(data.leadId);
  return 'recipient' in data ? data.recipient?.contactKey : undefined;
}
