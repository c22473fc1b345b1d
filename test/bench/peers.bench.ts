import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { barChart } from './chart.js';
import { sampleEvents } from './sample-events.js';
import { runConcurrently, runAlternating, measureRate } from './measure.js';
import {
  type MeasuredStore,
  openLeadstream,
  openPeer,
  type PeerName,
  peerStores as all,
  openBareRows,
} from './peer-stores.js';
import { type Bench, formatMedianAndRange, markdownTable } from './report.js';

const us = 'Leadstream';
const least = 'Rows alone';

/** Our log beside the event stores for Node.js that somebody would otherwise take, each on SQLite. */
export const peers: Bench = {
  name: 'peers',
  description: 'our log beside the SQLite stores of Emmett and Act, and rows of JSON alone',
  async run(options, say) {
    const [rounds, filled] = [options.size('rounds', 5), options.size('events', 20_000)];
    const folder = mkdtempSync(join(tmpdir(), 'leadstream-bench-peers-'));
    const contestants: Record<string, MeasuredStore> = { [us]: openLeadstream(folder) };
    const absent: string[] = [];
    for (const name of options.offline ? [] : (Object.keys(all) as PeerName[]))
      try {
        contestants[name] = await openPeer(name, folder, say);
      } catch (error) {
        absent.push(`${name} could not be measured here: ${(error as Error).message}.`);
        say(absent.at(-1)!);
      }
    contestants[least] = openBareRows(folder);
    const names = Object.keys(contestants);
    const events = sampleEvents();
    const [short, long] = [20, 1_000];
    const streams = Math.ceil(filled / 2 / short);
    const longStreams = Math.ceil(filled / 2 / long);
    const take = (count: number) => Array.from({ length: count }, () => events.next());
    for (const name of names) {
      say(`filling ${name} with ${filled} events`);
      for (let nth = 0; nth < streams; nth++) await contestants[name]!.append(`short-${nth}`, 0, take(short));
      for (let nth = 0; nth < longStreams; nth++) await contestants[name]!.append(`long-${nth}`, 0, take(long));
    }

    const made = Object.fromEntries(names.map((name) => [name, 0]));
    const append = (name: string) => () => contestants[name]!.append(`new-${made[name]!++}`, 0, take(1));
    const mustBe = async (expected: number, found: Promise<number>): Promise<void> => {
      if ((await found) !== expected) throw new Error(`${await found} events were read, not ${expected}`);
    };
    const few = Math.min(500, filled);
    const questions: Readonly<Record<string, (name: string) => Promise<number>>> = {
      'Appends alone': (name) => runConcurrently(few, 1, append(name)),
      'Appends, 50 in flight': (name) => runConcurrently(few * 4, 50, append(name)),
      'Loads of a stream of 20': (name) =>
        runConcurrently(few, 1, (nth) => mustBe(short, contestants[name]!.read(`short-${nth % streams}`))),
      'Loads of a stream of 1,000': (name) =>
        runConcurrently(Math.ceil(few / 10), 1, (nth) =>
          mustBe(long, contestants[name]!.read(`long-${nth % longStreams}`)),
        ),
      'Events of a replay of all': async (name) => {
        const all = streams * short + longStreams * long + made[name]!;
        await mustBe(all, contestants[name]!.replay());
        return all;
      },
    };
    const results = [];
    for (const [question, work] of Object.entries(questions)) {
      say(question);
      const turns = Object.fromEntries(names.map((name) => [name, () => measureRate(() => work(name))]));
      // The first round of each is for the compiler.
      await runAlternating(1, turns);
      results.push({ question, rates: await runAlternating(rounds, turns) });
    }
    for (const contestant of Object.values(contestants)) await contestant.close();
    rmSync(folder, { recursive: true, force: true });

    const versions = Object.entries(all).flatMap(([name, { packages }]) =>
      names.includes(name)
        ? [
            `${name}: ${Object.entries(packages)
              .map(([it, version]) => `\`${it}\` ${version}`)
              .join(', ')}.`,
          ]
        : [],
    );
    const rows = results.map(({ question, rates }) => [
      question,
      ...names.map((name) => formatMedianAndRange(rates[name]!)),
    ]);
    const how = `Median of ${rounds} turns a second, and from where to where they went.`;
    const missed = results.flatMap(({ question, rates }) => {
      const best = Math.max(...names.filter((name) => name !== least).map((name) => rates[name]!.quantile(0.5)));
      return rates[us]!.quantile(0.5) < best ? [`${question}: a peer is faster`] : [];
    });
    const panels = results.map(({ question, rates }) => ({
      title: `${question}, a second`,
      groups: [''],
      series: names.map((name) => ({ name, values: [rates[name]!.quantile(0.5)] })),
    }));
    return {
      text: [how, markdownTable(['A second', ...names], rows), ...versions, ...absent].join('\n\n'),
      charts: { '': barChart('Event stores on SQLite', panels) },
      missed,
    };
  },
};
