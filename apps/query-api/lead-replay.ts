import { contactStream } from '#commands/ids';
import type { RecordedEvent } from '#domain/event';
import { evolveLead } from '#domain/lead/lead.evolve';
import type { Lead } from '#domain/lead/lead.state';
import { parseLeadId } from '#domain/lead/lead.id';
import type { EventStore } from '#event-store/event-store';
import type { AsOf } from '#http/view-readers';
import { yieldToEventLoop } from '#timing/yield-to-event-loop';

/** Events that are read and folded before other work of this thread runs. An embedded log is read without any I/O wait. */
const pageSize = 200;

type ContactStreamEvent = Parameters<typeof evolveLead>[1] & RecordedEvent;

/** An event, and the lead as it was after the event. */
export interface ReplayedEvent {
  readonly event: ContactStreamEvent;
  readonly lead: Lead;
}

/**
 * Yields every event that changed the lead, in log order: the lead's own events and changes of the contact's profile. It uses the
 * same fold as decisions and lists. Yields nothing if the organization has no such lead.
 */
export async function* replayLead(log: EventStore, org: string, leadId: string): AsyncGenerator<ReplayedEvent> {
  yield* foldLead(readContactStream(log, org, leadId), leadId);
}

/** Returns the lead as it was at `asOf`. Undefined if it did not exist yet. */
export async function leadAsOf(log: EventStore, org: string, leadId: string, asOf: AsOf): Promise<Lead | undefined> {
  let lead: Lead | undefined;
  const events = filterAsOf(readContactStream(log, org, leadId), asOf);
  for await (const replayed of foldLead(events, leadId)) lead = replayed.lead;
  return lead;
}

async function* readContactStream(log: EventStore, org: string, leadId: string): AsyncGenerator<ContactStreamEvent> {
  const contactKey = parseLeadId(leadId)?.contactKey;
  if (contactKey === undefined) return;
  const stream = contactStream(org, contactKey);
  for (let version = 0; ; version += pageSize) {
    const events = await log.read(stream, version, pageSize);
    // A contact's stream contains events of contacts and leads only.
    yield* events as readonly ContactStreamEvent[];
    if (events.length < pageSize) return;
    await yieldToEventLoop();
  }
}

/** A time is compared with `occurredAt`, so events after it do not end the search: a late event is recorded after later events. */
async function* filterAsOf(events: AsyncIterable<ContactStreamEvent>, asOf: AsOf): AsyncGenerator<ContactStreamEvent> {
  for await (const event of events)
    if ('time' in asOf) {
      if (event.meta.occurredAt <= asOf.time) yield event;
    } else if (event.position <= asOf.position) yield event;
    else return;
}

async function* foldLead(events: AsyncIterable<ContactStreamEvent>, leadId: string): AsyncGenerator<ReplayedEvent> {
  let lead: Lead | undefined;
  for await (const event of events) {
    // The stream also contains the contact's other leads.
    if (!lead && !('leadId' in event.data && event.data.leadId === leadId)) continue;
    const evolved = evolveLead(lead, event);
    if (!evolved || evolved === lead) continue;
    lead = evolved;
    yield { event, lead };
  }
}
