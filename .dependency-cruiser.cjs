// Which folder may import which. test/architecture/dependency-rules.spec.ts shows for each rule an import that it rejects.

/** Tests may import internals. Only the rules that name tests apply to them. */
const tests = ['^test/', '[.](spec|contract|fixture)[.]ts$'];

/** All code of this repository; anything else is Node or a package. */
const ours = '^(apps|libs|projections|scripts|test)/';

const eventStorePorts = '^libs/event-store/[^/]+$';
const readModelPorts = '^libs/read-model/[^/]+$';

/** Small timing functions that any folder except the domain may import. */
const timing = '^libs/timing/';

/** The types of events, and their codec. */
const events = '^libs/domain/(event|event-envelope|event-codec)[.]ts$';

/** The JSON objects that callers see. */
const resources = '^libs/resources/';

/** The folders of libs, and what each may import besides itself. */
const allowedImports = {
  timing: [],
  'event-store': [events, timing],
  'read-model': [events, timing],
  commands: ['^libs/domain/', resources, eventStorePorts, timing],
  automation: ['^libs/domain/', '^libs/commands/', eventStorePorts, readModelPorts, timing],
  http: ['^libs/domain/', resources, '^libs/commands/', eventStorePorts, readModelPorts, timing],
  wiring: ['^libs/domain/', '^libs/commands/', '^libs/event-store/', '^libs/read-model/', '^libs/http/', timing],
};

const adapter = 'libs/(?:event-store|read-model)/(?:sqlite|eventstoredb|mongodb)';

/** The packages of storage engines, and the folders that may import them. */
const engines = [
  { name: 'sqlite', package: '@photostructure/sqlite', home: '^libs/(event-store|read-model)/sqlite/' },
  { name: 'eventstoredb', package: '@eventstore/db-client', home: '^libs/event-store/eventstoredb/' },
  { name: 'mongodb', package: 'mongodb', home: '^libs/read-model/mongodb/' },
];
/** Matches a path in node_modules, or the bare name where the package is not installed. */
const isPackage = (name) => `(^|node_modules/)${name}(/|$)`;

/** In `to`, $1 is the group captured in `from`. Without a capture it stays literal and matches no path. */
const rule = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to });

module.exports = {
  forbidden: [
    rule(
      'domain-has-no-dependencies',
      'The domain imports no package, no Node module and no other folder.',
      { path: '^libs/domain/', pathNot: tests },
      { pathNot: '^libs/domain/' },
    ),
    rule(
      'domain-specs-import-only-domain',
      'A spec of the domain imports the domain, the test runner and test/support.',
      { path: '^libs/domain/.*[.]spec[.]ts$' },
      { pathNot: ['^libs/domain/', '^test/support/', isPackage('@jest/globals'), isPackage('fast-check')] },
    ),
    rule(
      'resources-are-pure',
      'A resource is a pure function of the domain: it imports no package, no Node module and no other folder.',
      { path: resources, pathNot: tests },
      { pathNot: [resources, '^libs/domain/'] },
    ),
    ...Object.entries(allowedImports).map(([lib, allowed]) =>
      rule(
        `${lib}-allowed-imports`,
        `Within this repository libs/${lib} may import only itself and ${allowed.join(' ')}`,
        { path: `^libs/${lib}/`, pathNot: tests },
        { path: ours, pathNot: [`^libs/${lib}/`, ...allowed] },
      ),
    ),
    rule(
      'libs-are-declared',
      'A new folder of libs needs an entry in allowedImports first.',
      {
        path: '^libs/',
        pathNot: ['domain', 'resources', ...Object.keys(allowedImports)].map((lib) => `^libs/${lib}/`),
      },
      {},
    ),
    rule(
      'projections-are-pure',
      'A projection is a key and a pure fold: it imports the domain, resources and view types, no package and no Node module.',
      { path: '^projections/', pathNot: tests },
      { pathNot: ['^projections/', '^libs/domain/', resources, '^libs/read-model/(view|view-store|tokens)[.]ts$'] },
    ),
    rule(
      'projections-are-independent',
      'A view is rebuilt alone, so its projection imports no other one. Shared code is in files directly under projections.',
      { path: '^projections/(?:([^/]+)/|(?!index[.]ts$)[^/]+$)' },
      { path: '^projections/([^/]+/|index[.]ts$)', pathNot: '^projections/$1/' },
    ),
    rule(
      'only-wiring-imports-adapters',
      'All other code imports the ports, so that the engine is a setting. Tests may import adapters.',
      { path: `^(${adapter}(?=/))?`, pathNot: [...tests, '^libs/wiring/'] },
      { path: `^${adapter}/`, pathNot: '^$1/' },
    ),
    ...engines.map((engine) =>
      rule(
        `${engine.name}-stays-in-its-adapter`,
        `Only ${engine.home} imports ${engine.package}, and tests that read stored data.`,
        { path: ours, pathNot: [...tests, engine.home] },
        { path: isPackage(engine.package) },
      ),
    ),
    rule(
      'apps-are-independent',
      'Apps are processes that may run on different machines. Only all-in-one combines the others.',
      { path: '^apps/([^/]+)/', pathNot: '^apps/all-in-one/' },
      { path: '^apps/', pathNot: '^apps/$1/' },
    ),
    rule(
      'no-app-imports',
      'Apps are the top layer. Only files in test may start them.',
      { pathNot: ['^apps/', '^test/'] },
      { path: '^apps/' },
    ),
    rule('no-test-imports', 'Production code imports no test code.', { pathNot: tests }, { path: tests }),
    rule(
      'packages-are-declared',
      'Production code imports only packages that package.json lists under dependencies.',
      { path: ours, pathNot: [...tests, '^scripts/'] },
      { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['type-only'] },
    ),
    rule(
      'imports-resolve',
      'The other rules do not see an import that cannot be resolved. Engine packages may be missing in an installation.',
      {},
      { couldNotResolve: true, pathNot: engines.map((engine) => isPackage(engine.package)) },
    ),
    rule('no-cycles', 'Two files that need each other are one file.', {}, { circular: true }),
  ],
  options: {
    tsPreCompilationDeps: true,
    detectProcessBuiltinModuleCalls: true,
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: {
      conditionNames: ['source', 'import', 'node', 'default'],
      exportsFields: ['exports'],
    },
  },
};
