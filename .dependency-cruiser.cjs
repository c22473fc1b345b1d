// Who may know whom. Each rule is shown to refuse an import: test/architecture/dependency-rules.spec.ts.

/** Tests may look behind doors: they are bound only by the rules that name them. */
const tests = ['^test/', '[.](spec|contract|fixture)[.]ts$'];

/** All that is ours. What is elsewhere is Node or a package. */
const ours = '^(apps|libs|projections|scripts|test)/';

const eventStorePorts = '^libs/event-store/[^/]+$';
const readModelPorts = '^libs/read-model/[^/]+$';

/** Small timing functions that any folder except the domain may import. */
const timing = '^libs/timing/';

/** The types of events, and their codec. */
const events = '^libs/domain/(event|event-envelope|event-codec)[.]ts$';

/** The JSON objects that callers see. */
const resources = '^libs/resources/';

/** A room of libs, and the rooms it may know besides itself. */
const rooms = {
  timing: [],
  'event-store': [events, timing],
  'read-model': [events, timing],
  commands: ['^libs/domain/', resources, eventStorePorts, timing],
  automation: ['^libs/domain/', '^libs/commands/', eventStorePorts, readModelPorts, timing],
  http: ['^libs/domain/', resources, '^libs/commands/', eventStorePorts, readModelPorts, timing],
  wiring: ['^libs/domain/', '^libs/commands/', '^libs/event-store/', '^libs/read-model/', '^libs/http/', timing],
};

const adapter = 'libs/(?:event-store|read-model)/(?:sqlite|eventstoredb|mongodb)';

/** The packages of engines, and the folders that may know them. */
const engines = [
  { name: 'sqlite', package: '@photostructure/sqlite', home: '^libs/(event-store|read-model)/sqlite/' },
  { name: 'eventstoredb', package: '@eventstore/db-client', home: '^libs/event-store/eventstoredb/' },
  { name: 'mongodb', package: 'mongodb', home: '^libs/read-model/mongodb/' },
];
/** Matches a path in node_modules, or the bare name where the package is not installed. */
const isPackage = (name) => `(^|node_modules/)${name}(/|$)`;

/** In `to`, $1 is what the parentheses in `from` have caught; where they caught nothing it stays, and matches no path. */
const rule = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to });

module.exports = {
  forbidden: [
    rule(
      'domain-knows-nothing',
      'The rules of the business stand on nothing: no package, no Node, no other folder.',
      { path: '^libs/domain/', pathNot: tests },
      { pathNot: '^libs/domain/' },
    ),
    rule(
      'domain-specs-know-only-the-domain',
      'A spec of the domain needs the domain, a test runner and the given/when/then of test/support.',
      { path: '^libs/domain/.*[.]spec[.]ts$' },
      { pathNot: ['^libs/domain/', '^test/support/', isPackage('@jest/globals'), isPackage('fast-check')] },
    ),
    rule(
      'resources-are-pure',
      'A resource is a pure function of the domain: no package, no Node, no other folder.',
      { path: resources, pathNot: tests },
      { pathNot: [resources, '^libs/domain/'] },
    ),
    ...Object.entries(rooms).map(([room, known]) =>
      rule(
        `${room}-knows-its-neighbours`,
        `Of what is ours, libs/${room} knows only itself and ${known.join(' ')}`,
        { path: `^libs/${room}/`, pathNot: tests },
        { path: ours, pathNot: [`^libs/${room}/`, ...known] },
      ),
    ),
    rule(
      'rooms-are-on-the-plan',
      'A folder of libs that no rule above names: give it a rule first.',
      { path: '^libs/', pathNot: ['domain', 'resources', ...Object.keys(rooms)].map((room) => `^libs/${room}/`) },
      {},
    ),
    rule(
      'projections-are-pure',
      'A projection is a key and a pure fold: it knows the domain, resources and the shape of a view, no package, no Node.',
      { path: '^projections/', pathNot: tests },
      { pathNot: ['^projections/', '^libs/domain/', resources, '^libs/read-model/(view|view-store|tokens)[.]ts$'] },
    ),
    rule(
      'projections-know-no-other',
      'A view is wiped and rebuilt alone, so it needs nothing of another one. What several have lies beside their folders.',
      { path: '^projections/(?:([^/]+)/|(?!index[.]ts$)[^/]+$)' },
      { path: '^projections/([^/]+/|index[.]ts$)', pathNot: '^projections/$1/' },
    ),
    rule(
      'only-wiring-picks-adapters',
      'Everybody else knows the ports, so that an engine is a setting. Tests may pick one.',
      { path: `^(${adapter}(?=/))?`, pathNot: [...tests, '^libs/wiring/'] },
      { path: `^${adapter}/`, pathNot: '^$1/' },
    ),
    ...engines.map((engine) =>
      rule(
        `${engine.name}-stays-in-its-adapter`,
        `${engine.package} is known to ${engine.home} alone, and to tests that look at what was stored.`,
        { path: ours, pathNot: [...tests, engine.home] },
        { path: isPackage(engine.package) },
      ),
    ),
    rule(
      'apps-know-no-other-app',
      'Apps are processes that may run on different machines; all-in-one alone puts the others together.',
      { path: '^apps/([^/]+)/', pathNot: '^apps/all-in-one/' },
      { path: '^apps/', pathNot: '^apps/$1/' },
    ),
    rule(
      'nothing-knows-apps',
      'Apps stand on top. Only what lies in test may start them.',
      { pathNot: ['^apps/', '^test/'] },
      { path: '^apps/' },
    ),
    rule('nothing-knows-tests', 'What runs does not need what tests it.', { pathNot: tests }, { path: tests }),
    rule(
      'packages-are-declared',
      'What runs needs only what package.json lists under dependencies.',
      { path: ours, pathNot: [...tests, '^scripts/'] },
      { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['type-only'] },
    ),
    rule(
      'imports-resolve',
      'An import that leads nowhere would slip past every other rule. An engine may be left out of an installation.',
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
