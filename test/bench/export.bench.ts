import { rmSync } from 'node:fs';
import { get } from 'node:http';
import { leadListView } from '#projections/lead-list/lead-list.projection';
import { buildView, fillLog, logFile, viewsFolder } from './dataset.js';
import { measureRate } from './measure.js';
import { type Bench, formatMegabytes, markdownTable, formatInteger } from './report.js';
import { BenchService } from './bench-service.js';

/** Rows a second with all their columns, and the memory that a process may take for it, in MiB: as much for any number of rows. */
const goal = { perSecond: 5_000, moreMiB: 150 };
const formats = ['csv', 'ndjson', 'xlsx'] as const;

/** Reads it to its end and keeps nothing. @throws when it is cut off before */
const bytesOf = (url: string): Promise<number> =>
  new Promise((resolve, reject) => {
    get(url, { agent: false }, (answer) => {
      let bytes = 0;
      answer.on('data', (chunk: Buffer) => (bytes += chunk.length));
      answer.on('error', reject);
      answer.on('end', () =>
        answer.statusCode === 200 ? resolve(bytes) : reject(new Error(`refused with ${answer.statusCode}`)),
      );
    }).on('error', reject);
  });

export const exports: Bench = {
  name: 'export',
  description: 'all leads as a file, in each format, by a process whose heap is bounded',
  async run(options, say) {
    const [leads, eventsPerLead] = [options.size('leads', 20_000), options.size('events-per-lead', 7)];
    // Of its own, for exports are events too.
    const folder = `${options.folderFor(leads, eventsPerLead)}-export`;
    await fillLog(folder, { leads, seed: options.size('seed', 1), eventsPerLead }, say);
    await buildView(folder, leadListView);
    const service = await BenchService.start(1, {
      EVENT_STORE_URL: `sqlite:${logFile(folder)}`,
      READ_STORE_URL: `sqlite:${viewsFolder(folder)}`,
      QUALIFICATION: 'off',
      NODE_OPTIONS: '--max-old-space-size=160',
    });
    try {
      await service.waitUntilCaughtUp();
      const before = service.program.memoryMiB();
      const rows: string[][] = [];
      const missed: string[] = [];
      for (const format of formats) {
        let bytes = 0;
        const rate = await measureRate(async () => {
          bytes = await bytesOf(`${service.program.url}/v1/leads/export?format=${format}`);
          return leads;
        });
        const { peakMiB } = service.program;
        say(`${format}: ${formatInteger(rate)} rows/s, ${formatMegabytes(bytes)}, ${formatInteger(peakMiB)} MiB`);
        rows.push([format, formatInteger(rate), formatMegabytes(bytes), `${formatInteger(peakMiB)} MiB`]);
        if (leads >= 1_000 && rate < goal.perSecond) missed.push(`${format}: fewer than ${goal.perSecond} rows/s`);
      }
      const most = service.program.peakMiB;
      if (most - before > goal.moreMiB) missed.push(`more than ${goal.moreMiB} MiB for it`);
      const text = `${formatInteger(leads)} leads. The process, its heap bounded to 160 MiB a thread, held ${formatInteger(before)} MiB before.

${markdownTable(['', 'rows a second', 'size', 'most memory so far'], rows)}`;
      return { text, missed };
    } finally {
      await service.stop();
      if (leads < 1_000) rmSync(folder, { recursive: true, force: true });
    }
  },
};
