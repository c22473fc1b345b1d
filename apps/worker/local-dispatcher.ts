import type { CommandResult } from '#commands/command-response';
import { BulkItemExecutor } from '#commands/bulk-item-executor';
import { BulkWorkHandler, BulkWorkCommandMessage } from '#commands/bulk-work.handler';
import { Clock } from '#commands/clock';
import { ContactCommandMessage, ContactHandler } from '#commands/contact.handler';
import type { CommandKindMap, CommandDispatcher } from '#commands/command-dispatcher';
import { DeciderService } from '#commands/decider-service';
import { IdKey } from '#commands/id-key';
import { IdempotencyService } from '#commands/idempotency-service';
import type { Settings } from '#wiring/settings';
import { loadIdKey, type LogStores } from '#wiring/stores';

/** Carries out here what is asked for from within: where the log is a server, any process may write to it. */
export function createLocalDispatcher(
  { events, responses: answers }: LogStores,
  settings: Settings,
): CommandDispatcher {
  const clock = new Clock();
  const now = (): string => clock.now();
  const handling = new DeciderService(events, now, () => settings.policy);
  const contact = new ContactHandler(handling, new IdempotencyService(answers, now), new IdKey(loadIdKey(settings)));
  const bulkWork = new BulkWorkHandler(handling, new BulkItemExecutor(contact), events);
  const carryOut: CommandKindMap<Promise<CommandResult>> = {
    contact: (ask, envelope) => contact.execute(new ContactCommandMessage(ask, envelope)),
    bulkWork: (ask, envelope) => bulkWork.execute(new BulkWorkCommandMessage(ask, envelope)),
  };
  return async (name, ask, envelope) => (await carryOut[name](ask, envelope)).response;
}
