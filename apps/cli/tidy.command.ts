import { Command } from 'commander';
import { views } from '#projections/index';
import type { View } from '#read-model/view';
import type { ViewStore } from '#read-model/view-store';
import { withStores } from './stores.js';

export const tidy = new Command('tidy')
  .description('removes view versions of older releases; run it when no process of an older release is running')
  .option('--json', 'print one JSON object')
  .action(({ json }: { json?: true }) =>
    withStores(async ({ views: store }) => {
      const removed = await findOlderVersions(store);
      for (const { view: name, version } of removed) await store.wipe({ name, version, tables: {} });
      if (json) console.log(JSON.stringify({ removed }));
      else console.log(removed.length === 0 ? 'There is nothing to remove.' : `Removed ${formatVersions(removed)}.`);
    }),
  );

export interface OlderVersion {
  readonly view: string;
  readonly version: number;
}

/** Finds stored versions that are older than those of this release. */
export async function findOlderVersions(
  store: Pick<ViewStore, 'versions'>,
  ofViews: readonly Pick<View, 'name' | 'version'>[] = views,
): Promise<readonly OlderVersion[]> {
  const found = await Promise.all(
    ofViews.map(async (view) =>
      (await store.versions(view.name))
        .filter((version) => version < view.version)
        .map((version) => ({ view: view.name, version })),
    ),
  );
  return found.flat();
}

export const formatVersions = (versions: readonly OlderVersion[]): string =>
  versions.map(({ view, version }) => `${view} v${version}`).join(', ');
