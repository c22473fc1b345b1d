import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

type Imports = Readonly<Record<string, readonly string[]>>;

/** For each rule, imports that only this rule rejects. `type x` is a type-only import, `import(x)` a dynamic one. */
const forbidden: Readonly<Record<string, Imports>> = {
  'domain-has-no-dependencies': {
    'libs/domain/lead/lead.decide.ts': ['node:crypto', 'luxon', '#event-store/event-store', '../../http/problem.js'],
    'libs/domain/lead/lead.state.ts': [
      'type #resources/lead.resource',
      'type #read-model/view',
      'type @nestjs/common',
      'import(node:fs)',
    ],
  },
  'domain-specs-import-only-domain': {
    'libs/domain/lead/lead.spec.ts': ['node:fs', 'luxon', '#commands/decider-service', '#test/acceptance/app'],
  },
  'resources-are-pure': {
    'libs/resources/lead.resource.ts': ['node:crypto', '@nestjs/common', 'type #read-model/view', '#http/problem'],
  },
  'timing-allowed-imports': {
    'libs/timing/sleep.ts': ['type #domain/event', '#event-store/event-store'],
  },
  'event-store-allowed-imports': {
    'libs/event-store/event-store.ts': ['type #domain/refusal', 'type #read-model/view', '#commands/decider-service'],
    'libs/event-store/sqlite/sqlite.event-store.ts': ['#domain/lead/lead.decide', '../../wiring/settings.js'],
  },
  'read-model-allowed-imports': {
    'libs/read-model/view-store.ts': ['type #domain/refusal', 'type #event-store/event-store'],
    'libs/read-model/mongodb/mongodb.view-store.ts': ['#projections/agents/agents.projection'],
  },
  'commands-allowed-imports': {
    'libs/commands/decider-service.ts': [
      'type #read-model/view',
      '#http/problem',
      '#automation/event-processor',
      '#wiring/settings',
    ],
  },
  'automation-allowed-imports': {
    'libs/automation/greet-contacts.reactor.ts': [
      '#http/problem',
      '#projections/agents/agents.projection',
      'import(#wiring/settings)',
    ],
  },
  'http-allowed-imports': {
    'libs/http/server.ts': ['#automation/event-processor', '#wiring/settings', '#projections/agents/agents.projection'],
  },
  'wiring-allowed-imports': {
    'libs/wiring/stores.module.ts': ['#automation/event-processor', 'type #projections/agents/agents.projection'],
  },
  'libs-are-declared': {
    'libs/helpers/strings.ts': ['#domain/event'],
    'libs/strings.ts': ['#domain/event'],
  },
  'projections-are-pure': {
    'projections/agents/agents.query.ts': [
      'node:crypto',
      'luxon',
      '#read-model/projection-runner',
      '#commands/decider-service',
    ],
    'projections/index.ts': ['type #event-store/event-store'],
  },
  'projections-are-independent': {
    'projections/lead-list/lead-list.projection.ts': ['../agents/agents.projection.js', 'type #projections/agents/row'],
    'projections/lead-list/lead-list.spec.ts': ['#projections/agents/agents.projection'],
    'projections/lead-list/lead-list.query.ts': ['type ../index.js'],
    'projections/names.ts': ['./agents/row.js'],
  },
  'only-wiring-imports-adapters': {
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
    'libs/event-store/eventstoredb/eventstoredb.idempotency-store.ts': ['mongodb'],
    'libs/wiring/mongo.ts': ['import(mongodb)'],
  },
  'apps-are-independent': {
    'apps/command-api/command-api.module.ts': ['../query-api/query-api.module.js', 'type #apps/all-in-one/main'],
  },
  'no-app-imports': {
    'libs/commands/ids.spec.ts': ['#apps/worker/worker.module'],
    'scripts/report.mjs': ['../apps/worker/subscription.js'],
  },
  'no-test-imports': {
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
    'apps/worker/readyz.ts': ['./missing.js', '#domain/missing', '#unknown/missing'],
  },
  'no-cycles': {
    'libs/commands/egg.ts': ['type ./hen.js'],
    'libs/commands/hen.ts': ['./egg.js'],
    'libs/domain/agent/egg.ts': ['type ./hen.js'],
    'libs/domain/agent/hen.ts': ['type ./egg.js'],
  },
};

/** Imports that no rule rejects. */
const allowed: Imports = {
  'libs/domain/event.ts': ['type ./contact/contact.events.js', './refusal.js'],
  'libs/domain/contact/contact.events.ts': ['type ../event-envelope.js'],
  'libs/domain/contact/contact.spec.ts': ['@jest/globals', 'fast-check', './contact.events.js', '#test/support/given'],
  'libs/event-store/append.check.ts': [
    'type #domain/event',
    '#domain/event-codec',
    './event-store.js',
    'node:crypto',
    'lru-cache',
  ],
  'libs/resources/follow-up.resource.ts': ['#domain/lead/lead.state', './agent-reference.js'],
  'libs/resources/follow-up.resource.spec.ts': ['@jest/globals', '#test/support/given', './follow-up.resource.js'],
  'libs/event-store/event-store.contract.ts': ['@jest/globals', '#test/support/given', './event-store.js'],
  'libs/event-store/sqlite/log.spec.ts': ['../event-store.contract.js', './log.js', '#domain/lead/lead.decide'],
  'libs/event-store/sqlite/log.ts': ['@photostructure/sqlite', '../event-store.js', './table.js', 'node:fs'],
  'libs/event-store/eventstoredb/log.ts': ['@eventstore/db-client', '../event-store.js'],
  'libs/read-model/sqlite/views.ts': ['@photostructure/sqlite', '../view.js', '#domain/event-codec'],
  'libs/read-model/mongodb/views.ts': ['mongodb', '../view.js'],
  'libs/read-model/projection-runner.spec.ts': ['@photostructure/sqlite', './sqlite/views.js'],
  'libs/commands/clock.ts': [
    '#resources/row',
    '#domain/refusal',
    '#event-store/idempotency-store',
    '@nestjs/common',
    'node:crypto',
  ],
  'libs/automation/automations.module.ts': [
    '#commands/idempotency-service',
    '#event-store/event-store',
    '#read-model/view',
    '#domain/refusal',
  ],
  'libs/http/view-readers.ts': [
    '#resources/row',
    '#domain/refusal',
    '#event-store/event-store',
    '#commands/idempotency-service',
    '@nestjs/common',
  ],
  'libs/wiring/stores.ts': [
    'import(#event-store/sqlite/log)',
    'import(#read-model/mongodb/views)',
    'type #commands/idempotency-service',
    '#http/problem',
  ],
  'projections/agents/agents.projection.ts': [
    '#resources/row',
    '#domain/event',
    'type #read-model/view',
    '#read-model/tokens',
    './row.js',
    '../agent-names.js',
  ],
  'projections/agents/agents.spec.ts': ['@jest/globals', 'node:fs', '#read-model/sqlite/views', '#test/support/given'],
  'projections/index.ts': ['./agents/agents.projection.js', './lead-list/lead-list.projection.js'],
  'apps/query-api/main.ts': [
    '#resources/row',
    './query-api.module.js',
    '#wiring/stores',
    '#http/problem',
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

/** Specifiers above that do not resolve. */
const missing = /missing|unknown|^mongodb$/;

const root = join(import.meta.dirname, '..', '..');
const tree = mkdtempSync(join(tmpdir(), 'dependency-rules-'));
let result: CruiseResult;
const files = new Map<string, { specifier: string; statement: string; rules: string[] }[]>();

beforeAll(() => {
  for (const [rule, imports] of Object.entries(forbidden)) addImports(imports, [rule]);
  addImports(allowed, []);
  writeTree();
  result = cruise(tree);
});
afterAll(() => rmSync(tree, { recursive: true, force: true }));

test('no import in this repository breaks a dependency rule', () => {
  const { violations, totalCruised } = cruise(root).summary;
  expect(violations.map(({ rule, from, to }) => `${rule.name}: ${from} -> ${to}`)).toEqual([]);
  expect(totalCruised).toBeGreaterThan(10);
});

describe('the dependency rules on a tree of example files', () => {
  const describeImport = (file: string, specifier: string, rules: readonly string[] = []) =>
    `${file} -> ${specifier}: ${rules.toSorted().join(', ') || 'allowed'}`;

  test('each forbidden import is rejected by exactly its rule, and no allowed import is rejected', () => {
    const actual = result.modules.flatMap(({ source, dependencies }) =>
      dependencies.map(({ module, rules }) =>
        describeImport(
          source,
          module,
          rules?.map(({ name }) => name),
        ),
      ),
    );
    const expected = [...files].flatMap(([file, lines]) =>
      lines.map((line) => describeImport(file, line.specifier.replace('node:', ''), line.rules)),
    );
    expect(actual.toSorted()).toEqual(expected.toSorted());
  });

  test('every dependency rule has an example of a forbidden import', () => {
    expect(Object.keys(forbidden)).toEqual(result.summary.ruleSetUsed.forbidden.map(({ name }) => name));
  });
});

interface CruiseResult {
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

/** Runs the command line, because the rules' paths are relative to the current folder. */
function cruise(folder: string): CruiseResult {
  const folders = ['apps', 'libs', 'projections', 'scripts', 'test'].filter((name) => existsSync(join(folder, name)));
  const command = join(root, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
  const options = ['--config', join(root, '.dependency-cruiser.cjs'), '--output-type', 'json'];
  const output = spawnSync(process.execPath, [command, ...options, ...folders], {
    cwd: folder,
    encoding: 'utf8',
    maxBuffer: 2 ** 30,
  });
  if (output.status !== 0) throw new Error(output.stderr);
  return JSON.parse(output.stdout) as CruiseResult;
}

function addImports(imports: Imports, rules: string[]) {
  for (const [file, lines] of Object.entries(imports))
    for (const line of lines) {
      const [, type, dynamic, plain] = /^(type )?(?:import\((.*)\)|(.*))$/.exec(line) ?? [];
      const specifier = dynamic ?? plain ?? '';
      const statement = dynamic
        ? `void import('${dynamic}');`
        : type
          ? `import type * as T from '${specifier}';`
          : `import '${specifier}';`;
      files.set(file, [...(files.get(file) ?? []), { specifier, statement, rules }]);
    }
}

/** Writes the files, and an empty file for each module that they import. */
function writeTree() {
  const write = (file: string, text: string) => {
    mkdirSync(dirname(join(tree, file)), { recursive: true });
    writeFileSync(join(tree, file), text);
  };
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    imports: Readonly<Record<string, { source: string }>>;
    dependencies: object;
  };
  const packages = new Set<string>();
  for (const [file, lines] of files)
    for (const { specifier } of lines) {
      if (missing.test(specifier) || specifier.startsWith('node:')) continue;
      const [, alias, rest] = /^(#[^/]+[/])(.*)$/.exec(specifier) ?? [];
      if (alias) write(manifest.imports[`${alias}*`]!.source.replace('*', rest!), '');
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
