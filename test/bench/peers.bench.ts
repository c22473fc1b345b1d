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
  peerStores,
  openBareRows,
} from './peer-stores.js';
import { type Bench, formatMedianAndRange, markdownTable } from './report.js';

const leadstream = 'Leadstream';
const plainRows = 'Plain rows';
const shortStreamLength = 20;
const longStreamLength = 1_000;
const shortStream = (index: number): string => `contact-short-${index}`;
const longStream = (index: number): string => `contact-long-${index}`;

export const peers: Bench = {
  name: 'peers',
  description: 'the log compared with the SQLite stores of Emmett and Act, and with plain rows of JSON',
  async run(options, report) {
    const [rounds, totalEvents] = [options.size('rounds', 5), options.size('events', 20_000)];
    const folder = mkdtempSync(join(tmpdir(), 'leadstream-bench-peers-'));
    const stores: Record<string, MeasuredStore> = { [leadstream]: openLeadstream(folder) };
    const missingPeers: string[] = [];
    for (const name of options.offline ? [] : (Object.keys(peerStores) as PeerName[]))
      try {
        stores[name] = await openPeer(name, folder, report);
      } catch (error) {
        missingPeers.push(`${name} could not be measured on this machine: ${(error as Error).message}.`);
        report(missingPeers.at(-1)!);
      }
    stores[plainRows] = openBareRows(folder);
    const names = Object.keys(stores);
    const events = sampleEvents();
    const shortStreams = Math.ceil(totalEvents / 2 / shortStreamLength);
    const longStreams = Math.ceil(totalEvents / 2 / longStreamLength);
    const take = (count: number) => Array.from({ length: count }, () => events.next());
    for (const [name, store] of Object.entries(stores)) {
      report(`filling ${name} with ${totalEvents} events`);
      for (let index = 0; index < shortStreams; index++)
        await store.append(shortStream(index), 0, take(shortStreamLength));
      for (let index = 0; index < longStreams; index++)
        await store.append(longStream(index), 0, take(longStreamLength));
    }

    const newStreams = Object.fromEntries(names.map((name) => [name, 0]));
    const appendOne = (name: string) => () => stores[name]!.append(`contact-new-${newStreams[name]!++}`, 0, take(1));
    const expectCount = async (expected: number, read: Promise<number>): Promise<void> => {
      const count = await read;
      if (count !== expected) throw new Error(`Read ${count} events instead of ${expected}.`);
    };
    const repetitions = Math.min(500, totalEvents);
    const operations: Readonly<Record<string, (name: string) => Promise<number>>> = {
      'Appends, one at a time': (name) => runConcurrently(repetitions, 1, appendOne(name)),
      'Appends, 50 in flight': (name) => runConcurrently(repetitions * 4, 50, appendOne(name)),
      'Reads of a stream of 20': (name) =>
        runConcurrently(repetitions, 1, (index) =>
          expectCount(shortStreamLength, stores[name]!.read(shortStream(index % shortStreams))),
        ),
      'Reads of a stream of 1,000': (name) =>
        runConcurrently(Math.ceil(repetitions / 10), 1, (index) =>
          expectCount(longStreamLength, stores[name]!.read(longStream(index % longStreams))),
        ),
      'Events of a full replay': async (name) => {
        const count = shortStreams * shortStreamLength + longStreams * longStreamLength + newStreams[name]!;
        await expectCount(count, stores[name]!.replay());
        return count;
      },
    };
    const results = [];
    for (const [operation, work] of Object.entries(operations)) {
      report(operation);
      const contestants = Object.fromEntries(names.map((name) => [name, () => measureRate(() => work(name))]));
      // The first round only warms up the compiler.
      await runAlternating(1, contestants);
      results.push({ operation, rates: await runAlternating(rounds, contestants) });
    }
    for (const store of Object.values(stores)) await store.close();
    rmSync(folder, { recursive: true, force: true });

    const versions = Object.entries(peerStores)
      .filter(([name]) => names.includes(name))
      .map(([name, { packages }]) => {
        const versioned = Object.entries(packages).map(([packageName, version]) => `\`${packageName}\` ${version}`);
        return `${name}: ${versioned.join(', ')}.`;
      });
    const rows = results.map(({ operation, rates }) => [
      operation,
      ...names.map((name) => formatMedianAndRange(rates[name]!)),
    ]);
    const method = `Median of ${rounds} rounds (lowest – highest).`;
    const missed = results.flatMap(({ operation, rates }) => {
      const best = Math.max(...names.filter((name) => name !== plainRows).map((name) => rates[name]!.quantile(0.5)));
      return rates[leadstream]!.quantile(0.5) < best ? [`${operation}: a peer is faster`] : [];
    });
    const panels = results.map(({ operation, rates }) => ({
      title: `${operation}, per second`,
      groups: [''],
      series: names.map((name) => ({ name, values: [rates[name]!.quantile(0.5)] })),
    }));
    return {
      text: [method, markdownTable(['Per second', ...names], rows), ...versions, ...missingPeers].join('\n\n'),
      charts: { '': barChart('Event stores on SQLite', panels) },
      missed,
    };
  },
};
