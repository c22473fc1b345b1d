import { contactStream } from '#commands/ids';
import type { RecordedEvent } from '#domain/event';
import { evolveLead } from '#domain/lead/lead.evolve';
import type { Lead } from '#domain/lead/lead.state';
import { parseLeadId } from '#domain/lead/lead.id';
import type { EventStore } from '#event-store/event-store';
import type { AsOf } from '#http/view-readers';

type LeadsEvent = Parameters<typeof evolveLead>[1] & RecordedEvent;

/** An event, and the lead as it was after it. */
export interface ReplayedEvent {
  readonly event: LeadsEvent;
  readonly lead: Lead;
}

const pageSize = 1_000;

/**
 * Every event that changed the lead, in the order of the log: its own, and changes of its contact's profile. Told from the
 * contact's stream, by the same fold as decisions and lists. Nothing when the organization has no such lead.
 */
export async function* replayLead(log: EventStore, org: string, leadId: string): AsyncGenerator<ReplayedEvent> {
  yield* folded(eventsAbout(log, org, leadId), leadId);
}

/** The lead as it was then; undefined when there was no such lead yet. */
export async function leadAsOf(log: EventStore, org: string, leadId: string, asOf: AsOf): Promise<Lead | undefined> {
  let lead: Lead | undefined;
  for await (const after of folded(until(eventsAbout(log, org, leadId), asOf), leadId)) lead = after.lead;
  return lead;
}

async function* eventsAbout(log: EventStore, org: string, leadId: string): AsyncGenerator<LeadsEvent> {
  const contactKey = parseLeadId(leadId)?.contactKey;
  if (contactKey === undefined) return;
  const stream = contactStream(org, contactKey);
  for (let version = 0, more = true; more;) {
    const events = await log.read(stream, version, pageSize);
    yield* events as readonly LeadsEvent[];
    version += events.length;
    more = events.length === pageSize;
  }
}

/** A time goes by when things happened: what is late is recorded behind what happened after it. */
async function* until(events: AsyncIterable<LeadsEvent>, asOf: AsOf): AsyncGenerator<LeadsEvent> {
  for await (const event of events)
    if ('time' in asOf) {
      if (event.meta.occurredAt <= asOf.time) yield event;
    } else if (event.position <= asOf.position) yield event;
    else return;
}

async function* folded(events: AsyncIterable<LeadsEvent>, leadId: string): AsyncGenerator<ReplayedEvent> {
  let lead: Lead | undefined;
  for await (const event of events) {
    // The contact's other leads are opened in the same stream.
    if (!lead && !('leadId' in event.data && event.data.leadId === leadId)) continue;
    const after = evolveLead(lead, event);
    if (!after || after === lead) continue;
    lead = after;
    yield { event, lead };
  }
}
