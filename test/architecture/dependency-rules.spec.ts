import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

type Imports = Readonly<Record<string, readonly string[]>>;

/** Of each rule, imports that it, and no other rule, must refuse. `type x` is a type-only import, `import(x)` a dynamic one. */
const refused: Readonly<Record<string, Imports>> = {
  'domain-knows-nothing': {
    'libs/domain/lead/lead.decide.ts': ['node:crypto', 'uuid', '#event-store/event-store', '../../http/problem.js'],
    'libs/domain/lead/lead.state.ts': [
      'type #resources/lead.resource',
      'type #read-model/view',
      'type @nestjs/common',
      'import(node:fs)',
    ],
  },
  'domain-specs-know-only-the-domain': {
    'libs/domain/lead/lead.spec.ts': ['node:fs', 'uuid', '#commands/decider-service', '#test/acceptance/app'],
  },
  'resources-are-pure': {
    'libs/resources/lead.resource.ts': ['node:crypto', '@nestjs/common', 'type #read-model/view', '#http/problem'],
  },
  'timing-knows-its-neighbours': {
    'libs/timing/sleep.ts': ['type #domain/event', '#event-store/event-store'],
  },
  'event-store-knows-its-neighbours': {
    'libs/event-store/event-store.ts': ['type #domain/refusal', 'type #read-model/view', '#commands/decider-service'],
    'libs/event-store/sqlite/sqlite.event-store.ts': ['#domain/lead/lead.decide', '../../wiring/settings.js'],
  },
  'read-model-knows-its-neighbours': {
    'libs/read-model/view-store.ts': ['type #domain/refusal', 'type #event-store/event-store'],
    'libs/read-model/mongodb/mongodb.view-store.ts': ['#projections/agents/agents.projection'],
  },
  'commands-knows-its-neighbours': {
    'libs/commands/handle.ts': ['type #read-model/view', '#http/problem', '#automation/reactions', '#wiring/settings'],
  },
  'automation-knows-its-neighbours': {
    'libs/automation/greet.ts': ['#http/problem', '#projections/agents/agents.projection', 'import(#wiring/settings)'],
  },
  'http-knows-its-neighbours': {
    'libs/http/server.ts': ['#automation/reactions', '#wiring/settings', '#projections/agents/agents.projection'],
  },
  'wiring-knows-its-neighbours': {
    'libs/wiring/house.ts': ['#automation/reactions', 'type #projections/agents/agents.projection'],
  },
  'rooms-are-on-the-plan': {
    'libs/helpers/strings.ts': ['#domain/event'],
    'libs/strings.ts': ['#domain/event'],
  },
  'projections-are-pure': {
    'projections/agents/agents.query.ts': [
      'node:crypto',
      'uuid',
      '#read-model/projection-runner',
      '#commands/decider-service',
    ],
    'projections/index.ts': ['type #event-store/event-store'],
  },
  'projections-know-no-other': {
    'projections/lead-list/lead-list.projection.ts': ['../agents/agents.projection.js', 'type #projections/agents/row'],
    'projections/lead-list/lead-list.spec.ts': ['#projections/agents/agents.projection'],
    'projections/lead-list/lead-list.query.ts': ['type ../index.js'],
    'projections/names.ts': ['./agents/row.js'],
  },
  'only-wiring-picks-adapters': {
    'libs/event-store/replay.ts': [
      './sqlite/sqlite.event-store.js',
      'import(./eventstoredb/eventstoredb.event-store.js)',
    ],
    'libs/event-store/eventstoredb/eventstoredb.event-store.ts': ['../sqlite/sqlite.event-store.js'],
    'apps/query-api/query-api.module.ts': [
      '#read-model/sqlite/sqlite.view-store',
      'import(#read-model/mongodb/client)',
    ],
  },
  'sqlite-stays-in-its-adapter': {
    'libs/commands/ids.ts': ['@photostructure/sqlite'],
    'libs/wiring/engines.ts': ['type @photostructure/sqlite'],
  },
  'eventstoredb-stays-in-its-adapter': {
    'apps/worker/subscription.ts': ['@eventstore/db-client'],
    'libs/wiring/esdb.ts': ['import(@eventstore/db-client)'],
  },
  'mongodb-stays-in-its-adapter': {
    'libs/event-store/eventstoredb/answers.ts': ['mongodb'],
    'libs/wiring/mongo.ts': ['import(mongodb)'],
  },
  'apps-know-no-other-app': {
    'apps/command-api/command-api.module.ts': ['../query-api/query-api.module.js', 'type #apps/all-in-one/main'],
  },
  'nothing-knows-apps': {
    'libs/commands/ids.spec.ts': ['#apps/worker/worker.module'],
    'scripts/report.mjs': ['../apps/worker/subscription.js'],
  },
  'nothing-knows-tests': {
    'apps/worker/worker.module.ts': [
      '#test/support/given',
      '#commands/decider-service.spec',
      '#event-store/event-store.contract',
    ],
  },
  'packages-are-declared': {
    'apps/worker/main.ts': ['fast-check', 'left-pad'],
  },
  'imports-resolve': {
    'apps/worker/readyz.ts': ['./missing.js', '#domain/missing', '#nobody/missing'],
  },
  'no-cycles': {
    'libs/commands/egg.ts': ['type ./hen.js'],
    'libs/commands/hen.ts': ['./egg.js'],
    'libs/domain/agent/egg.ts': ['type ./hen.js'],
    'libs/domain/agent/hen.ts': ['type ./egg.js'],
  },
};

/** What the rules must leave alone. */
const welcome: Imports = {
  'libs/domain/event.ts': ['type ./contact/contact.events.js', './refusal.js'],
  'libs/domain/contact/contact.events.ts': ['type ../event-envelope.js'],
  'libs/domain/contact/contact.spec.ts': ['@jest/globals', 'fast-check', './contact.events.js', '#test/support/given'],
  'libs/event-store/answer-store.ts': [
    'type #domain/event',
    '#domain/event-codec',
    './event-store.js',
    'node:crypto',
    'uuid',
  ],
  'libs/resources/follow-up.resource.ts': ['#domain/lead/lead.state', './agent-reference.js'],
  'libs/resources/follow-up.resource.spec.ts': ['@jest/globals', '#test/support/given', './follow-up.resource.js'],
  'libs/event-store/event-store.contract.ts': ['@jest/globals', '#test/support/given', './event-store.js'],
  'libs/event-store/sqlite/log.spec.ts': ['../event-store.contract.js', './log.js', '#domain/lead/lead.decide'],
  'libs/event-store/sqlite/log.ts': ['@photostructure/sqlite', '../event-store.js', './table.js', 'node:fs'],
  'libs/event-store/eventstoredb/log.ts': ['@eventstore/db-client', '../event-store.js'],
  'libs/read-model/sqlite/views.ts': ['@photostructure/sqlite', '../view.js', '#domain/event-codec'],
  'libs/read-model/mongodb/views.ts': ['mongodb', '../view.js'],
  'libs/read-model/catch-up.spec.ts': ['@photostructure/sqlite', './sqlite/views.js'],
  'libs/commands/kept.ts': [
    '#domain/refusal',
    '#resources/row',
    '#event-store/idempotency-store',
    '@nestjs/common',
    'node:crypto',
  ],
  'libs/automation/run.ts': ['#commands/kept', '#event-store/event-store', '#read-model/view', '#domain/refusal'],
  'libs/http/codes.ts': [
    '#domain/refusal',
    '#resources/row',
    '#event-store/event-store',
    '#commands/kept',
    '@nestjs/common',
  ],
  'libs/wiring/stores.ts': [
    'import(#event-store/sqlite/log)',
    'import(#read-model/mongodb/views)',
    'type #commands/kept',
    '#http/codes',
  ],
  'projections/agents/agents.projection.ts': [
    '#domain/event',
    '#resources/row',
    'type #read-model/view',
    '#read-model/tokens',
    './row.js',
    '../agent-names.js',
  ],
  'projections/agents/agents.spec.ts': ['@jest/globals', 'node:fs', '#read-model/sqlite/views', '#test/support/given'],
  'projections/index.ts': ['./agents/agents.projection.js', './lead-list/lead-list.projection.js'],
  'apps/query-api/main.ts': [
    './query-api.module.js',
    '#resources/row',
    '#wiring/stores',
    '#http/codes',
    '#projections/index',
    'rxjs',
  ],
  'apps/all-in-one/main.ts': ['#apps/worker/subscription', '../query-api/query-api.module.js'],
  'test/acceptance/app.ts': [
    '#apps/all-in-one/main',
    '#event-store/sqlite/log',
    '@photostructure/sqlite',
    'fast-check',
  ],
};

/** Named above, but not there. */
const missing = /missing|nobody|^mongodb$/;

const root = join(import.meta.dirname, '..', '..');
const house = mkdtempSync(join(tmpdir(), 'who-may-know-whom-'));
let bad: Cruised;
const files = new Map<string, { specifier: string; statement: string; rules: string[] }[]>();

beforeAll(() => {
  for (const [rule, culprits] of Object.entries(refused)) collect(culprits, [rule]);
  collect(welcome, []);
  build();
  bad = cruise(house);
});
afterAll(() => rmSync(house, { recursive: true, force: true }));

test('the whole tree keeps to the rules', () => {
  const { violations, totalCruised } = cruise(root).summary;
  expect(violations.map(({ rule, from, to }) => `${rule.name}: ${from} -> ${to}`)).toEqual([]);
  expect(totalCruised).toBeGreaterThan(10);
});

describe('a tree of bad imports', () => {
  const inWords = (file: string, specifier: string, rules: readonly string[] = []) =>
    `${file} -> ${specifier}: ${rules.toSorted().join(', ') || 'welcome'}`;

  test('is refused by each rule for its own reason, and the rest is let through', () => {
    const seen = bad.modules.flatMap(({ source, dependencies }) =>
      dependencies.map(({ module, rules }) =>
        inWords(
          source,
          module,
          rules?.map(({ name }) => name),
        ),
      ),
    );
    const told = [...files].flatMap(([file, lines]) =>
      lines.map((line) => inWords(file, line.specifier.replace('node:', ''), line.rules)),
    );
    expect(seen.toSorted()).toEqual(told.toSorted());
  });

  test('has one for every rule', () => {
    expect(Object.keys(refused)).toEqual(bad.summary.ruleSetUsed.forbidden.map(({ name }) => name));
  });
});

interface Cruised {
  readonly modules: readonly {
    readonly source: string;
    readonly dependencies: readonly {
      readonly module: string;
      readonly rules?: readonly { readonly name: string }[];
    }[];
  }[];
  readonly summary: {
    readonly violations: readonly {
      readonly rule: { readonly name: string };
      readonly from: string;
      readonly to: string;
    }[];
    readonly totalCruised: number;
    readonly ruleSetUsed: { readonly forbidden: readonly { readonly name: string }[] };
  };
}

/** As at the command line, because the rules speak of paths below the current folder. */
function cruise(folder: string): Cruised {
  const folders = ['apps', 'libs', 'projections', 'scripts', 'test'].filter((name) => existsSync(join(folder, name)));
  const command = join(root, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
  const options = ['--config', join(root, '.dependency-cruiser.cjs'), '--output-type', 'json'];
  const result = spawnSync(process.execPath, [command, ...options, ...folders], {
    cwd: folder,
    encoding: 'utf8',
    maxBuffer: 2 ** 30,
  });
  if (result.status !== 0) throw new Error(result.stderr);
  return JSON.parse(result.stdout) as Cruised;
}

function collect(imports: Imports, rules: string[]) {
  for (const [file, lines] of Object.entries(imports))
    for (const line of lines) {
      const [, type, called, plain] = /^(type )?(?:import\((.*)\)|(.*))$/.exec(line) ?? [];
      const specifier = called ?? plain ?? '';
      const statement = called
        ? `void import('${called}');`
        : type
          ? `import type * as T from '${specifier}';`
          : `import '${specifier}';`;
      files.set(file, [...(files.get(file) ?? []), { specifier, statement, rules }]);
    }
}

/** Writes the files, and empty ones for what they import. */
function build() {
  const write = (file: string, text: string) => {
    mkdirSync(dirname(join(house, file)), { recursive: true });
    writeFileSync(join(house, file), text);
  };
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    imports: Readonly<Record<string, { source: string }>>;
    dependencies: object;
  };
  const packages = new Set<string>();
  for (const [file, lines] of files)
    for (const { specifier } of lines) {
      if (missing.test(specifier) || specifier.startsWith('node:')) continue;
      const [, room, rest] = /^(#[^/]+[/])(.*)$/.exec(specifier) ?? [];
      if (room) write(manifest.imports[`${room}*`]!.source.replace('*', rest!), '');
      else if (specifier.startsWith('.')) write(join(dirname(file), specifier.replace(/[.]js$/, '.ts')), '');
      else packages.add(specifier);
    }
  for (const [file, lines] of files) write(file, lines.map(({ statement }) => statement).join('\n'));
  for (const name of packages) {
    write(`node_modules/${name}/package.json`, JSON.stringify({ name, version: '1.0.0', main: 'index.js' }));
    write(`node_modules/${name}/index.js`, '');
  }
  const engines = { '@eventstore/db-client': '*', mongodb: '*' };
  write('package.json', JSON.stringify({ ...manifest, dependencies: { ...manifest.dependencies, ...engines } }));
}
