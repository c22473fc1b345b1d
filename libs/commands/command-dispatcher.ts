import type { Command } from '@nestjs/cqrs';
import type { CommandResponse, CommandResult } from './command-response.js';
import { BulkWorkCommandMessage, type BulkWorkCommandInput } from './bulk-work.handler.js';
import { ContactCommandMessage, type ContactCommandInput } from './contact.handler.js';
import type { CommandContext } from './command-context.js';

/** The commands that automations and bulk jobs send, by kind. Plain data: it also crosses threads. */
export interface CommandInputs {
  readonly contact: ContactCommandInput;
  readonly bulkWork: BulkWorkCommandInput;
}
export type CommandKind = keyof CommandInputs;

/** Sends a command to the process or thread that writes to the log. @throws Refusal, Unavailable */
export type CommandDispatcher = <Kind extends CommandKind>(
  kind: Kind,
  command: CommandInputs[Kind],
  context: CommandContext,
) => Promise<CommandResponse>;

/** One function for each kind of command. */
export type CommandKindMap<Result> = {
  readonly [Kind in CommandKind]: (command: CommandInputs[Kind], context: CommandContext) => Result;
};

const messages: CommandKindMap<Command<CommandResult>> = {
  contact: (command, context) => new ContactCommandMessage(command, context),
  bulkWork: (command, context) => new BulkWorkCommandMessage(command, context),
};

/** The message for Nest's command bus. */
export const createCommandMessage = <Kind extends CommandKind>(
  kind: Kind,
  command: CommandInputs[Kind],
  context: CommandContext,
): Command<CommandResult> => messages[kind](command, context);
