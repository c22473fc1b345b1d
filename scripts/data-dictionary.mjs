// `npm run docs`: writes docs/reference/data-dictionary.md, every event type and its fields, from the types and their doc comments.
// `--check [file]` writes nothing and fails if the file is not current.
// Every event type and field needs a doc comment of its own.
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import prettier from 'prettier';
import ts from 'typescript';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const target = join(root, 'docs', 'reference', 'data-dictionary.md');
const eventFile = join(root, 'libs', 'domain', 'event.ts');
const envelopeFile = join(root, 'libs', 'domain', 'event-envelope.ts');
const codecFile = join(root, 'libs', 'domain', 'event-codec.ts');

const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile);
const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
const program = ts.createProgram([eventFile, envelopeFile, codecFile], options);
const checker = program.getTypeChecker();

function exported(file, name) {
  const exports = checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(file)));
  return exports.find((symbol) => symbol.name === name);
}

const docOf = (symbol) => ts.displayPartsToString(symbol.getDocumentationComment(checker)).replace(/\s+/g, ' ').trim();

/** Every event type with its version, doc comment, file and fields, in the order of the codec. */
function events() {
  const members = checker.getDeclaredTypeOfSymbol(exported(eventFile, 'DomainEvent')).types;
  const byName = new Map(members.map((type) => [literal(typeOf(type, 'type')), type]));
  return versions().map(([name, version]) => {
    const type = byName.get(name);
    // The type alias has the same name as the event type.
    const alias = aliases.get(name);
    const fields = ['data', 'personal'].flatMap((part) => {
      const of = typeOf(type, part);
      return of ? fieldsOf(of, part) : [];
    });
    return { name, version, doc: docOf(alias), file: alias.declarations[0].getSourceFile().fileName, fields };
  });
}

/** Every exported type of the `.events.ts` files, by name. */
const aliases = new Map(
  program
    .getSourceFiles()
    .filter(({ fileName }) => fileName.endsWith('.events.ts'))
    .flatMap((file) => checker.getExportsOfModule(checker.getSymbolAtLocation(file)))
    .map((symbol) => [symbol.name, symbol]),
);

/** The name and version of each schema in the codec. */
function versions() {
  const found = [];
  const visit = (node) => {
    if (ts.isVariableDeclaration(node) && node.name.getText() === 'shapes')
      for (const { name, initializer } of node.initializer.properties) {
        const v = initializer.properties.find((property) => property.name.getText() === 'v');
        found.push([name.getText(), v.initializer.getText()]);
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

/** The fields of an object, each followed by the fields of a nested object. */
function fieldsOf(type, path) {
  return checker.getPropertiesOfType(type).flatMap((symbol) => {
    const node = (symbol.valueDeclaration ?? symbol.declarations?.[0])?.type;
    const { kind, within, list } = describeType(checker.getTypeOfSymbol(symbol), node);
    const name = path ? `${path}.${symbol.name}` : symbol.name;
    const field = { path: name, name: symbol.name, kind, doc: docOf(symbol) };
    return [field, ...(within ? fieldsOf(within, list ? `${name}[]` : name) : [])];
  });
}

/** A readable type name. `within` is the nested object type, `node` the type as it is written. */
function describeType(type, node) {
  if (type.flags & ts.TypeFlags.Unknown) return { kind: 'any JSON' };
  if (type.flags & ts.TypeFlags.Boolean) return { kind: 'boolean' };
  if (type.isUnion()) {
    const parts = type.types.filter((part) => !(part.flags & (ts.TypeFlags.Null | ts.TypeFlags.Undefined)));
    const orNull = type.types.some((part) => part.flags & ts.TypeFlags.Null) ? ' or null' : '';
    if (parts.every((part) => part.isStringLiteral())) return { kind: literals(parts, node) + orNull };
    if (parts.every((part) => part.flags & ts.TypeFlags.BooleanLiteral)) return { kind: `boolean${orNull}` };
    if (parts.length > 1) throw new Error(`Cannot describe the type ${checker.typeToString(type)}.`);
    const described = describeType(parts[0], node);
    return { ...described, kind: described.kind + orNull };
  }
  if (type.isStringLiteral()) return { kind: `\`${type.value}\`` };
  if (checker.isArrayType(type)) {
    const { kind, within } = describeType(checker.getTypeArguments(type)[0]);
    return { kind: `list of ${/^\w+$/.test(kind) ? `${kind}s` : kind}`, within, list: true };
  }
  if (type.flags & ts.TypeFlags.NonPrimitive) return { kind: 'object' };
  if (type.flags & ts.TypeFlags.Object) return { kind: 'object', within: type };
  return { kind: checker.typeToString(type) };
}

/** In the order of the source. The compiler's order depends on what it has read before. */
function literals(parts, node) {
  const written = node ? valuesIn(node) : [];
  const rank = ({ value }) => (written.includes(value) ? written.indexOf(value) : written.length);
  const sorted = parts.toSorted((a, b) => rank(a) - rank(b) || (a.value < b.value ? -1 : 1));
  return sorted.map(({ value }) => `\`${value}\``).join(' · ');
}

function valuesIn(node) {
  if (ts.isUnionTypeNode(node)) return node.types.flatMap(valuesIn);
  if (ts.isParenthesizedTypeNode(node)) return valuesIn(node.type);
  if (ts.isLiteralTypeNode(node)) return node.literal.text === undefined ? [] : [node.literal.text];
  const target = ts.isIndexedAccessTypeNode(node) ? checker.getTypeFromTypeNode(node.objectType) : undefined;
  if (target && checker.isTupleType(target)) return checker.getTypeArguments(target).map(({ value }) => value);
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
  const all = events();
  const envelope = fieldsOf(checker.getDeclaredTypeOfSymbol(exported(envelopeFile, 'StoredEvent')), '');
  const blank = [
    ...all.filter(({ doc }) => !doc).map(({ name }) => name),
    ...envelope.filter(({ doc }) => !doc).map(({ path }) => path),
    ...all.flatMap((event) => event.fields.filter(({ doc }) => !doc).map(({ path }) => `${event.name}: ${path}`)),
  ];
  if (blank.length > 0) throw new Error(`These have no doc comment. Add one to each:\n${blank.join('\n')}`);
  const groups = new Map();
  for (const event of all) groups.set(event.file, [...(groups.get(event.file) ?? []), event]);
  return [
    '# Data dictionary',
    'Every event type that the log can contain, with its current schema. Generated by `npm run docs` from the types in `libs/domain` and their doc comments: change those, not this page.',
    '## Fields of all events',
    docOf(exported(envelopeFile, 'StoredEvent')),
    table(envelope),
    ...[...groups].flatMap(([file, events]) => [
      `## ${title(file)}`,
      `From \`${relative(root, file)}\`.`,
      ...events.flatMap(({ name, version, doc, fields }) => [
        `### ${name}`,
        `Version ${version}. ${doc}`,
        table(fields),
      ]),
    ]),
    '',
  ].join('\n\n');
}

const title = (file) => {
  const name = basename(file, '.events.ts');
  return name[0].toUpperCase() + name.slice(1);
};

const [option, file = target] = process.argv.slice(2);
try {
  const text = await prettier.format(dictionary(), { ...(await prettier.resolveConfig(target)), filepath: target });
  if (option !== '--check') writeFileSync(target, text);
  else if (readFileSync(file, 'utf8') !== text) throw new Error(`${relative(root, file)} is not current: npm run docs`);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
