import type { Command } from '@nestjs/cqrs';
import type { CommandResponse } from './command-response.js';
import { BulkWorkCommandMessage, type BulkWorkCommandInput } from './bulk-work.handler.js';
import { ContactCommandMessage, type ContactCommandInput } from './contact.handler.js';
import type { CommandContext } from './command-context.js';

/** What is asked for from within, by automations and by what carries jobs out: by the name of its door. Plain data. */
export interface CommandInputs {
  readonly contact: ContactCommandInput;
  readonly bulkWork: BulkWorkCommandInput;
}
export type CommandKind = keyof CommandInputs;

/** Asks for a command where the log is written. @throws Refusal, Unavailable */
export type CommandDispatcher = <Name extends CommandKind>(
  name: Name,
  ask: CommandInputs[Name],
  envelope: CommandContext,
) => Promise<CommandResponse>;

/** Something for each door. */
export type CommandKindMap<Told> = {
  readonly [Name in CommandKind]: (ask: CommandInputs[Name], envelope: CommandContext) => Told;
};

/** The commands for the bus. */
export const createCommandMessage: CommandKindMap<Command<{ answer: CommandResponse; replayed: boolean }>> = {
  contact: (ask, envelope) => new ContactCommandMessage(ask, envelope),
  bulkWork: (ask, envelope) => new BulkWorkCommandMessage(ask, envelope),
};
