import type { AskDoor } from '#automation/reaction';
import { Clock } from '#commands/clock';
import { AskContact, ContactHandler } from '#commands/contact.handler';
import { Handling } from '#commands/handle';
import { IdKey } from '#commands/id-key';
import { KeptAnswers } from '#commands/kept-answers';
import type { Settings } from '#wiring/settings';
import { idKeyOf, type Log } from '#wiring/stores';

/** Carries out the commands of automations here: where the log is a server, any process may write to it. */
export function ownDoor({ events, answers }: Log, settings: Settings): AskDoor {
  const clock = new Clock();
  const now = (): string => clock.now();
  const handler = new ContactHandler(
    new Handling(events, now, () => settings.policy),
    new KeptAnswers(answers, now),
    new IdKey(idKeyOf(settings)),
  );
  return async (ask, envelope) => (await handler.execute(new AskContact(ask, envelope))).answer;
}
