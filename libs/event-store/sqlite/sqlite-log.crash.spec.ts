import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { followUntil } from '../event-store.test-support.js';
import { withTempFolder, startChild } from './log-children.fixture.js';
import { SqliteLog } from './sqlite-log.js';

describe('a log whose process is killed', () => {
  it('has every acknowledged event once, without gaps, time after time', () =>
    withTempFolder(async (folder) => {
      const file = join(folder, 'events.db');
      const acknowledged = new Map<string, string>();
      let before: readonly string[] = [];
      for (let round = 0; round < 6; round++) {
        const child = startChild('append', file);
        const enough = acknowledged.size + 1 + Math.floor(Math.random() * 2_000);
        for await (const line of child.lines) {
          expect(line).toMatch(/^agent-demo-[a-e] \d+ p\S+ [0-9a-f-]{36}$/);
          acknowledged.set(line.split(' ')[3]!, line);
          if (acknowledged.size === enough) child.kill();
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
          expect(versions).toEqual(versions.map((_, i) => i + 1));
        }
        // What was there after the last crash is there as it was: nothing read is ever taken back.
        expect(lines.slice(0, before.length)).toEqual(before);
        before = lines;
        await log.close();
      }
    }));
});
