import type { DomainEvent } from '../event.js';

/** How many of the lead's interactions an AI had read, or failed on, when it caused this event; 0 for all other events. */
export function countInteractionsRead(event: DomainEvent): number {
  if (event.type === 'LeadScored') return event.data.ai?.read ?? 0;
  return 'read' in event.data ? event.data.read : 0;
}
