import { Command } from 'commander';
import { Progress } from '#wiring/progress';
import { findLogDamage } from '#wiring/stores';
import { withStores } from './stores.js';
import { formatTable, pluralize } from './table.js';
import { maxProblems, verifyLog, type VerificationResult } from './verification.js';

export const verify = new Command('verify')
  .description('reads every stored event and checks that the log is consistent; exits with code 1 if it is not')
  .option('--json', 'print one JSON object')
  .action(({ json }: { json?: true }) =>
    withStores(async ({ settings, log }) => {
      const damage = await findLogDamage(settings);
      if (damage.length > 0) return reportDamage(damage, json);
      const head = await log.head();
      const progress = json ? undefined : new Progress(log.countBetween(log.start, head), 'events', process.stderr);
      const result = await verifyLog(log, head, (pass, events, passes) => {
        progress?.update(events, pass > 0 ? `, pass ${pass + 1} of ${passes}` : '');
      });
      progress?.finish();
      console.log(json ? JSON.stringify(result) : formatResult(result));
      if (result.problems.length > 0) process.exitCode = 1;
    }),
  );

/** The events of a damaged file are not read: what they contain is not known. */
function reportDamage(damage: readonly string[], json: true | undefined): void {
  process.exitCode = 1;
  if (json) console.log(JSON.stringify({ damage }));
  else console.log(`The file of the log is damaged. Restore it from a backup. SQLite reports:\n${damage.join('\n')}`);
}

function formatResult({ events, streams, problems }: VerificationResult): string {
  const scope = `${pluralize(events, 'event')} in ${pluralize(streams, 'stream')}`;
  if (problems.length === 0)
    return `Verified ${scope}: all events can be read, versions have no gaps, positions increase, ids are unique, no contact has two active leads, and each contact has one key.`;
  const rows = problems.map(({ stream, version, eventId, what }) => [`${stream}@${version}`, eventId ?? '-', what]);
  const count = `${problems.length >= maxProblems ? 'At least ' : ''}${pluralize(problems.length, 'problem')}`;
  return `${formatTable(['event at', 'event id', 'problem'], rows)}\n\n${count} in ${scope}.`;
}
