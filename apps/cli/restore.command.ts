import { Command } from 'commander';
import { restoreBackup } from '#wiring/log-backup';
import { parseSettings } from '#wiring/settings';
import { isShared } from '#wiring/stores';
import { pluralize } from './table.js';

export const restore = new Command('restore')
  .description('puts a backup into an empty data folder and verifies it; if interrupted, run it again')
  .requiredOption('--from <folder>', 'the folder that backup has created')
  .option('--json', 'print the manifest as JSON')
  .action(async ({ from, json }: { from: string; json?: true }) => {
    const settings = parseSettings(process.env);
    const manifest = await restoreBackup(settings, from);
    if (json) return console.log(JSON.stringify(manifest));
    const { events, position } = manifest;
    const next = isShared(settings.readStoreUrl)
      ? 'Drop the database of the views, then start the service'
      : 'Start the service';
    console.log(
      `Restored ${pluralize(events, 'event')}, up to ${position}. ${next}: it builds the views from the log.`,
    );
  });
