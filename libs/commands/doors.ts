import type { Command } from '@nestjs/cqrs';
import type { Answer } from './answer.js';
import { WorkOnBulk, type BulkWorkAsk } from './bulk-work.handler.js';
import { AskContact, type ContactAsk } from './contact.handler.js';
import type { Envelope } from './envelope.js';

/** What is asked for from within, by automations and by what carries jobs out: by the name of its door. Plain data. */
export interface Asks {
  readonly contact: ContactAsk;
  readonly bulkWork: BulkWorkAsk;
}
export type DoorName = keyof Asks;

/** Asks for a command where the log is written. @throws Refusal, Unavailable */
export type Doors = <Name extends DoorName>(name: Name, ask: Asks[Name], envelope: Envelope) => Promise<Answer>;

/** Something for each door. */
export type AtDoors<Told> = { readonly [Name in DoorName]: (ask: Asks[Name], envelope: Envelope) => Told };

/** The commands for the bus. */
export const commandFor: AtDoors<Command<{ answer: Answer; replayed: boolean }>> = {
  contact: (ask, envelope) => new AskContact(ask, envelope),
  bulkWork: (ask, envelope) => new WorkOnBulk(ask, envelope),
};
