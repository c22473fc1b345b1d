import { Command } from 'commander';
import { Progress } from './progress.js';
import { withStores } from './stores.js';
import { pluralize, formatTable } from './table.js';
import { maxProblems, verifyLog, type VerificationResult } from './verification.js';

export const verify = new Command('verify')
  .description('reads every stored event as today’s programs do, and checks that the log is sound; exit code 1 if not')
  .option('--json', 'one JSON object, for programs')
  .action(({ json }: { json?: true }) =>
    withStores(async ({ log }) => {
      const head = await log.head();
      const progress = json ? undefined : new Progress(log.countBetween(log.start, head), 'events', process.stderr);
      const verified = await verifyLog(log, head, (share, done, of) => {
        // Each further pass begins anew at nothing.
        progress?.update(done, share > 0 ? `, pass ${share + 1} of ${of}` : '');
      });
      progress?.finish();
      console.log(json ? JSON.stringify(verified) : inWords(verified));
      if (verified.problems.length > 0) process.exitCode = 1;
    }),
  );

function inWords({ events, streams, problems }: VerificationResult): string {
  const read = `${pluralize(events, 'event')} in ${pluralize(streams, 'stream')}`;
  if (problems.length === 0)
    return `${read}: all can be read, versions have no gaps, positions grow, ids are unique, and no contact has two active leads.`;
  const rows = problems.map(({ stream, version, eventId, what }) => [`${stream}@${version}`, eventId ?? '-', what]);
  const many = problems.length >= maxProblems ? `At least ${problems.length}` : problems.length;
  return `${formatTable(['at', 'event', 'what is wrong'], rows)}\n\n${many} of ${read} ${problems.length === 1 ? 'is' : 'are'} not as they should be.`;
}
