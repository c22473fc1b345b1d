import { BulkItemExecutor } from '#commands/bulk-item-executor';
import { BulkWorkCommandMessage, BulkWorkHandler } from '#commands/bulk-work.handler';
import { Clock } from '#commands/clock';
import type { CommandDispatcher, CommandKindMap } from '#commands/command-dispatcher';
import type { CommandResult } from '#commands/command-response';
import { ContactCommandMessage, ContactHandler } from '#commands/contact.handler';
import { DeciderService } from '#commands/decider-service';
import type { IdKey } from '#commands/id-key';
import { IdempotencyService } from '#commands/idempotency-service';
import type { Settings } from '#wiring/settings';
import type { LogStores } from '#wiring/stores';

/** Runs commands in this process. Any process may write to a log that is on a server. */
export function createLocalDispatcher(
  { events, responses }: Pick<LogStores, 'events' | 'responses'>,
  idKey: IdKey,
  settings: Settings,
): CommandDispatcher {
  const clock = new Clock();
  const now = (): string => clock.now();
  const deciders = new DeciderService(events, now, () => settings.policy);
  const idempotency = new IdempotencyService(responses, now);
  const contact = new ContactHandler(deciders, idempotency, idKey);
  const bulkWork = new BulkWorkHandler(deciders, new BulkItemExecutor(contact), events);
  const execute: CommandKindMap<Promise<CommandResult>> = {
    contact: (command, context) => contact.execute(new ContactCommandMessage(command, context)),
    bulkWork: (command, context) => bulkWork.execute(new BulkWorkCommandMessage(command, context)),
  };
  return async (kind, command, context) => (await execute[kind](command, context)).response;
}
