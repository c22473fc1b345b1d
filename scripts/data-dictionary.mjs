// Generates docs/reference/data-dictionary.md: every event type and its fields, from the types and their doc comments.
// Every event type and field needs a doc comment of its own.
import { basename, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { checkPage } from './pages.mjs';
import { root } from './prepare.mjs';

export const dataDictionary = { path: join('docs', 'reference', 'data-dictionary.md'), render: () => dictionary() };

const eventFile = join(root, 'libs', 'domain', 'event.ts');
const envelopeFile = join(root, 'libs', 'domain', 'event-envelope.ts');
const codecFile = join(root, 'libs', 'domain', 'event-codec.ts');

const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile);
const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
const program = ts.createProgram([eventFile, envelopeFile, codecFile], options);
const checker = program.getTypeChecker();

/** The symbol that a file exports under this name. */
function exported(file, name) {
  const exports = checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(file)));
  return exports.find((symbol) => symbol.name === name);
}

const docOf = (symbol) => ts.displayPartsToString(symbol.getDocumentationComment(checker)).replace(/\s+/g, ' ').trim();

/** Every event type in the order of the codec: its current version, its comment, its file and its fields. */
function events() {
  const members = checker.getDeclaredTypeOfSymbol(exported(eventFile, 'DomainEvent')).types;
  const byName = new Map(members.map((type) => [literal(typeOf(type, 'type')), type]));
  return versions().map(([name, version]) => {
    const type = byName.get(name);
    // An event's TypeScript type has the event's name.
    const alias = aliases.get(name);
    const fields = ['data', 'personal'].flatMap((part) => {
      const partType = typeOf(type, part);
      return partType ? fieldsOf(partType, part) : [];
    });
    return { name, version, doc: docOf(alias), file: alias.declarations[0].getSourceFile().fileName, fields };
  });
}

/** The types that the `*.events.ts` files export, by name. */
const aliases = new Map(
  program
    .getSourceFiles()
    .filter(({ fileName }) => fileName.endsWith('.events.ts'))
    .flatMap((file) => checker.getExportsOfModule(checker.getSymbolAtLocation(file)))
    .map((symbol) => [symbol.name, symbol]),
);

/** Name and schema version of each event type, in the order of the codec. */
function versions() {
  const found = [];
  const visit = (node) => {
    if (ts.isVariableDeclaration(node) && node.name.getText() === 'schemas')
      for (const { name, initializer } of node.initializer.properties) {
        const version = initializer.properties.find((property) => property.name.getText() === 'v');
        found.push([name.getText(), version.initializer.getText()]);
      }
    else ts.forEachChild(node, visit);
  };
  visit(program.getSourceFile(codecFile));
  return found;
}

function typeOf(type, property) {
  const symbol = type.getProperty(property);
  return symbol && checker.getTypeOfSymbol(symbol);
}
const literal = (type) => (type.isStringLiteral() ? type.value : undefined);

/** The fields of an object type. A field that contains an object is followed by the fields of that object. */
function fieldsOf(type, path) {
  return checker.getPropertiesOfType(type).flatMap((symbol) => {
    const node = (symbol.valueDeclaration ?? symbol.declarations?.[0])?.type;
    const { kind, nested, isList } = describeType(checker.getTypeOfSymbol(symbol), node);
    const name = path ? `${path}.${symbol.name}` : symbol.name;
    const field = { path: name, name: symbol.name, kind, doc: docOf(symbol) };
    return [field, ...(nested ? fieldsOf(nested, isList ? `${name}[]` : name) : [])];
  });
}

/** Describes a type. `nested` is the object type whose fields are listed too. `node` is the type as written in the source. */
function describeType(type, node) {
  if (type.flags & ts.TypeFlags.Unknown) return { kind: 'any JSON' };
  if (type.flags & ts.TypeFlags.Boolean) return { kind: 'boolean' };
  if (type.isUnion()) {
    const parts = type.types.filter((part) => !(part.flags & (ts.TypeFlags.Null | ts.TypeFlags.Undefined)));
    const orNull = type.types.some((part) => part.flags & ts.TypeFlags.Null) ? ' or null' : '';
    if (parts.every((part) => part.isStringLiteral())) return { kind: literals(parts, node) + orNull };
    if (parts.every((part) => part.flags & ts.TypeFlags.BooleanLiteral)) return { kind: `boolean${orNull}` };
    if (parts.length > 1) throw new Error(`The type ${checker.typeToString(type)} cannot be described.`);
    const described = describeType(parts[0], node);
    return { ...described, kind: described.kind + orNull };
  }
  if (type.isStringLiteral()) return { kind: `\`${type.value}\`` };
  if (checker.isArrayType(type)) {
    const { kind, nested } = describeType(checker.getTypeArguments(type)[0]);
    return { kind: `list of ${/^\w+$/.test(kind) ? `${kind}s` : kind}`, nested, isList: true };
  }
  if (type.flags & ts.TypeFlags.NonPrimitive) return { kind: 'object' };
  if (type.flags & ts.TypeFlags.Object) return { kind: 'object', nested: type };
  return { kind: checker.typeToString(type) };
}

/** In source order. The compiler's order depends on what it has read before. */
function literals(parts, node) {
  const inSource = node ? valuesIn(node) : [];
  const rank = ({ value }) => (inSource.includes(value) ? inSource.indexOf(value) : inSource.length);
  const sorted = parts.toSorted((a, b) => rank(a) - rank(b) || (a.value < b.value ? -1 : 1));
  return sorted.map(({ value }) => `\`${value}\``).join(' · ');
}

function valuesIn(node) {
  if (ts.isUnionTypeNode(node)) return node.types.flatMap(valuesIn);
  if (ts.isParenthesizedTypeNode(node)) return valuesIn(node.type);
  if (ts.isLiteralTypeNode(node)) return node.literal.text === undefined ? [] : [node.literal.text];
  const tuple = ts.isIndexedAccessTypeNode(node) ? checker.getTypeFromTypeNode(node.objectType) : undefined;
  if (tuple && checker.isTupleType(tuple)) return checker.getTypeArguments(tuple).map(({ value }) => value);
  if (!ts.isTypeReferenceNode(node)) return [];
  let symbol = checker.getSymbolAtLocation(node.typeName);
  if (symbol.flags & ts.SymbolFlags.Alias) symbol = checker.getAliasedSymbol(symbol);
  const alias = symbol.declarations.find(ts.isTypeAliasDeclaration);
  return alias ? valuesIn(alias.type) : [];
}

const table = (fields) =>
  [
    '| field | type | meaning |',
    '|---|---|---|',
    ...fields.map(({ path, kind, doc }) => `| \`${path}\` | ${kind} | ${doc.replaceAll('|', '\\|')} |`),
  ].join('\n');

function dictionary() {
  const allEvents = events();
  const envelope = fieldsOf(checker.getDeclaredTypeOfSymbol(exported(envelopeFile, 'StoredEvent')), '');
  const undocumented = [
    ...allEvents.filter(({ doc }) => !doc).map(({ name }) => name),
    ...envelope.filter(({ doc }) => !doc).map(({ path }) => path),
    ...allEvents.flatMap((event) => event.fields.filter(({ doc }) => !doc).map(({ path }) => `${event.name}: ${path}`)),
  ];
  if (undocumented.length > 0) throw new Error(`Missing doc comments:\n${undocumented.join('\n')}`);
  const groups = new Map();
  for (const event of allEvents) groups.set(event.file, [...(groups.get(event.file) ?? []), event]);
  return [
    '# Data dictionary',
    'Every event type that the log can contain, with its current schema. Generated by `npm run docs` from the types in `libs/domain` and their doc comments: change those, not this page.',
    '## Fields of every event',
    docOf(exported(envelopeFile, 'StoredEvent')),
    table(envelope),
    ...[...groups].flatMap(([file, eventsOfFile]) => [
      `## ${title(file)}`,
      `From \`${relative(root, file)}\`.`,
      ...eventsOfFile.flatMap((event) => [
        `### ${event.name}`,
        `Version ${event.version}. ${event.doc}`,
        table(event.fields),
      ]),
    ]),
    '',
  ].join('\n\n');
}

const title = (file) => {
  const name = basename(file, '.events.ts');
  return name[0].toUpperCase() + name.slice(1);
};

if (process.argv[1] === fileURLToPath(import.meta.url)) await checkPage(dataDictionary);
