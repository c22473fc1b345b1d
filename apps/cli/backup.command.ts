import { resolve } from 'node:path';
import { Command } from 'commander';
import { createBackup } from '#wiring/log-backup';
import { parseSettings } from '#wiring/settings';
import { pluralize } from './table.js';

export const backup = new Command('backup')
  .description('copies an embedded log and its key to a new folder, while the service may run, and verifies the copy')
  .requiredOption('--to <folder>', 'the new folder')
  .option('--json', 'print the manifest as JSON')
  .action(async ({ to, json }: { to: string; json?: true }) => {
    const manifest = await createBackup(parseSettings(process.env), to);
    if (json) return console.log(JSON.stringify(manifest));
    const { events, position, files } = manifest;
    const key = 'id.key' in files ? 'with its key' : 'without its key: keep ID_KEY';
    console.log(`Backed up the log to ${resolve(to)}: ${pluralize(events, 'event')}, up to ${position}, ${key}.`);
  });
