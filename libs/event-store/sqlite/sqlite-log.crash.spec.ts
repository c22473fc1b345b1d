import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { followUntil } from '../event-store.test-support.js';
import { withTempFolder, startChild } from './log-children.fixture.js';
import { SqliteLog } from './sqlite-log.js';

describe('crashes', () => {
  it('a log holds every acknowledged event once and without gaps after each kill of its process', () =>
    withTempFolder(async (folder) => {
      const file = join(folder, 'events.db');
      const acknowledged = new Map<string, string>();
      let linesBefore: readonly string[] = [];
      for (let round = 0; round < 6; round++) {
        const child = startChild('append', file);
        const killAtCount = acknowledged.size + 1 + Math.floor(Math.random() * 2_000);
        for await (const line of child.lines) {
          expect(line).toMatch(/^agent-demo-[a-e] \d+ p\S+ [0-9a-f-]{36}$/);
          acknowledged.set(line.split(' ')[3]!, line);
          if (acknowledged.size === killAtCount) child.kill();
        }

        const log = SqliteLog.open({ file });
        const head = await log.events.head();
        const { seen } = await followUntil(log.events, log.events.start, (all) => all.at(-1)?.position === head);
        const lines = seen.map(({ stream, version, position, id }) => `${stream} ${version} ${position} ${id}`);
        const stored = new Set(lines);
        expect([...acknowledged.values()].filter((line) => !stored.has(line))).toEqual([]);
        expect(new Set(seen.map(({ id }) => id)).size).toBe(seen.length);
        const positions = seen.map(({ position }) => position);
        expect(positions).toEqual([...new Set(positions)].sort());
        for (const name of new Set(seen.map(({ stream }) => stream))) {
          const versions = seen.filter(({ stream }) => stream === name).map(({ version }) => version);
          expect(versions).toEqual(versions.map((_, index) => index + 1));
        }
        // Events that were read after an earlier kill are still stored, unchanged.
        expect(lines.slice(0, linesBefore.length)).toEqual(linesBefore);
        linesBefore = lines;
        await log.close();
      }
    }));
});
