import type { Answer } from '#commands/answer';
import { BulkItems } from '#commands/bulk-items';
import { BulkWorkHandler, WorkOnBulk } from '#commands/bulk-work.handler';
import { Clock } from '#commands/clock';
import { AskContact, ContactHandler } from '#commands/contact.handler';
import type { AtDoors, Doors } from '#commands/doors';
import { Handling } from '#commands/handle';
import { IdKey } from '#commands/id-key';
import { KeptAnswers } from '#commands/kept-answers';
import type { Settings } from '#wiring/settings';
import { idKeyOf, type Log } from '#wiring/stores';

/** Carries out here what is asked for from within: where the log is a server, any process may write to it. */
export function ownDoor({ events, answers }: Log, settings: Settings): Doors {
  const clock = new Clock();
  const now = (): string => clock.now();
  const handling = new Handling(events, now, () => settings.policy);
  const contact = new ContactHandler(handling, new KeptAnswers(answers, now), new IdKey(idKeyOf(settings)));
  const bulkWork = new BulkWorkHandler(handling, new BulkItems(contact), events);
  const carryOut: AtDoors<Promise<{ answer: Answer }>> = {
    contact: (ask, envelope) => contact.execute(new AskContact(ask, envelope)),
    bulkWork: (ask, envelope) => bulkWork.execute(new WorkOnBulk(ask, envelope)),
  };
  return async (name, ask, envelope) => (await carryOut[name](ask, envelope)).answer;
}
