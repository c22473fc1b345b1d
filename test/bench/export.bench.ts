import { rmSync } from 'node:fs';
import { get } from 'node:http';
import { leadListView } from '#projections/lead-list/lead-list.projection';
import { idKey } from './contact-generator.js';
import { buildView, fillLog, logFile, viewsFolder } from './dataset.js';
import { measureRate } from './measure.js';
import { type Bench, formatMegabytes, markdownTable, formatInteger } from './report.js';
import { BenchService } from './bench-service.js';

/** Rows with all their columns, and additional memory of the process in MiB, whatever the number of rows. */
const goal = { rowsPerSecond: 5_000, additionalMiB: 150 };
const formats = ['csv', 'ndjson', 'xlsx'] as const;

/** Downloads the file without storing it and returns its size. @throws Error if the response is an error or is cut off */
const download = (url: string): Promise<number> =>
  new Promise((resolve, reject) => {
    get(url, { agent: false }, (response) => {
      let bytes = 0;
      response.on('data', (chunk: Buffer) => (bytes += chunk.length));
      response.on('error', reject);
      response.on('end', () => {
        if (response.statusCode === 200) resolve(bytes);
        else reject(new Error(`The export failed with status ${response.statusCode}.`));
      });
    }).on('error', reject);
  });

export const exports: Bench = {
  name: 'export',
  description: 'export of all leads in each format, by a process with a limited heap',
  async run(options, report) {
    const [leads, eventsPerLead] = [options.size('leads', 20_000), options.size('events-per-lead', 7)];
    // Not the folder of the other benches, because an export appends events.
    const folder = `${options.folderFor(leads, eventsPerLead)}-export`;
    await fillLog(folder, { leads, seed: options.size('seed', 1), eventsPerLead }, report);
    await buildView(folder, leadListView);
    const service = await BenchService.start(1, {
      EVENT_STORE_URL: `sqlite:${logFile(folder)}`,
      READ_STORE_URL: `sqlite:${viewsFolder(folder)}`,
      ID_KEY: idKey,
      QUALIFICATION: 'off',
      NODE_OPTIONS: '--max-old-space-size=160',
    });
    try {
      await service.waitUntilCaughtUp();
      const memoryBefore = service.program.memoryMiB();
      const rows: string[][] = [];
      const missed: string[] = [];
      for (const format of formats) {
        let bytes = 0;
        const rate = await measureRate(async () => {
          bytes = await download(`${service.program.url}/v1/leads/export?format=${format}`);
          return leads;
        });
        const { peakMiB } = service.program;
        report(`${format}: ${formatInteger(rate)} rows/s, ${formatMegabytes(bytes)}, ${formatInteger(peakMiB)} MiB`);
        rows.push([format, formatInteger(rate), formatMegabytes(bytes), `${formatInteger(peakMiB)} MiB`]);
        if (leads >= 1_000 && rate < goal.rowsPerSecond)
          missed.push(`${format}: ${formatInteger(rate)} rows/s instead of ${goal.rowsPerSecond}`);
      }
      const additionalMiB = service.program.peakMiB - memoryBefore;
      if (additionalMiB > goal.additionalMiB)
        missed.push(`${formatInteger(additionalMiB)} MiB of additional memory instead of ${goal.additionalMiB}`);
      const text = `${formatInteger(leads)} leads. The process has a heap limit of 160 MiB per thread and used ${formatInteger(memoryBefore)} MiB before the exports.

${markdownTable(['Format', 'Rows per second', 'Size', 'Peak memory so far'], rows)}`;
      return { text, missed };
    } finally {
      await service.stop();
      if (leads < 1_000) rmSync(folder, { recursive: true, force: true });
    }
  },
};
