import { calculateObjectSize, type Document, Long, Timestamp } from 'bson';
import { Aggregator, Query } from 'mingo';
import { update } from 'mingo/updater';
import { type IndexSpec as Indexed, hasSuitableIndex } from './fake-mongodb-server.indexes.js';

/** Answered as an error, with the code that MongoDB gives it. */
export class MongodbCommandError extends Error {
  constructor(
    readonly code: number,
    message: string,
  ) {
    super(message);
  }
}

type Doc = Record<string, unknown>;

const hello = {
  isWritablePrimary: true,
  ismaster: true,
  helloOk: true,
  maxBsonObjectSize: 16_777_216,
  maxMessageSizeBytes: 48_000_000,
  maxWriteBatchSize: 100_000,
  logicalSessionTimeoutMinutes: 30,
  minWireVersion: 0,
  maxWireVersion: 21,
  readOnly: false,
};

/** How many moments are kept for snapshot reads; older ones are too old. */
const mostMoments = 50;

/** No answer may be longer than a document. */
const mostBytes = 15_000_000;

/**
 * The collections of a server, and what it does to them: mingo finds and changes documents; upserts, unique ids and cursors are
 * added here.
 */
export class FakeMongodbData {
  private readonly collections = new Map<string, Collection>();
  private readonly cursors = new Map<number, { readonly ns: string; readonly rest: Document[] }>();
  private lastCursor = 0;
  /** All collections as they were at some moments. */
  private readonly moments = new Map<
    number,
    { readonly at: Timestamp; readonly then: ReadonlyMap<string, Collection> }
  >();
  private lastMoment = 0;

  /** Unless told otherwise, what no index answers is refused, as by a MongoDB that runs with `notablescan`. */
  constructor(private readonly scans: boolean) {}

  /** @throws Refused */
  run(name: string, command: Document): Document {
    if (!this.scans) this.checkPlan(name, command);
    const { level, atClusterTime } = (command['readConcern'] ?? {}) as Document;
    if (level === 'snapshot') return this.runThen(name, command, atClusterTime as Timestamp | undefined);
    const ns = `${command['$db']}.${String(command['collection'] ?? command[name])}`;
    const existing = (): Collection => {
      const found = this.collections.get(ns);
      if (!found) throw new MongodbCommandError(26, `ns not found: ${ns}`);
      return found;
    };
    switch (name) {
      case 'hello':
      case 'ismaster':
        return { ...hello, localTime: new Date() };
      case 'ping':
      case 'endSessions':
        return {};
      case 'killCursors':
        for (const id of command['cursors'] as readonly unknown[]) this.cursors.delete(Number(id));
        return {};
      case 'find':
        return this.cursor(ns, this.collections.get(ns)?.find(command) ?? [], Number(command['batchSize'] ?? 101));
      case 'getMore':
        return this.more(Number(command['getMore']), Number(command['batchSize'] ?? Infinity));
      case 'aggregate':
        return this.cursor(ns, this.collections.get(ns)?.aggregate(command['pipeline'] as Doc[]) ?? []);
      case 'insert':
        return this.collection(ns).insert(command['documents'] as Doc[]);
      case 'update':
        return this.collection(ns).update(command['updates'] as readonly Update[]);
      case 'findAndModify':
        return this.collection(ns).findAndModify(command['query'] as Doc, command['update'] as Doc);
      case 'createIndexes':
        return this.collection(ns).createIndexes(command['indexes'] as readonly Index[]);
      case 'listIndexes':
        return this.cursor(ns, existing().listIndexes());
      case 'dropIndexes':
        return existing().dropIndex(command['index'] as string);
      case 'listCollections': {
        const within = `${command['$db']}.`;
        const names = [...this.collections.keys()].filter((each) => each.startsWith(within));
        const all = names.map((each) => ({ name: each.slice(within.length), type: 'collection' }));
        return this.cursor(ns, new Query((command['filter'] ?? {}) as Doc, {}).find<Document>(all).all());
      }
      case 'drop':
        existing();
        this.collections.delete(ns);
        return {};
      case 'dropDatabase':
        for (const each of this.collections.keys())
          if (each.startsWith(`${command['$db']}.`)) this.collections.delete(each);
        return {};
      default:
        throw new MongodbCommandError(59, `no such command: ${name}`);
    }
  }

  /** As of a moment; of this one, if none is named. */
  private runThen(name: string, command: Document, named: Timestamp | undefined): Document {
    const moment = named ? this.moments.get(named.i) : this.keepMoment();
    if (!moment) throw new MongodbCommandError(239, 'the snapshot is too old');
    const then = moment.then.get(`${command['$db']}.${command[name]}`);
    const found = then?.[name === 'find' ? 'find' : 'aggregate'](
      (name === 'find' ? command : command['pipeline']) as never,
    );
    const ns = `${command['$db']}.${command[name]}`;
    const answer = this.cursor(ns, found ?? [], name === 'find' ? Number(command['batchSize'] ?? 101) : Infinity);
    return { ...answer, cursor: { ...(answer['cursor'] as object), atClusterTime: moment.at } };
  }

  private keepMoment() {
    const at = new Timestamp({ t: 1, i: ++this.lastMoment });
    const moment = { at, then: new Map([...this.collections].map(([ns, collection]) => [ns, collection.asItIs()])) };
    this.moments.set(at.i, moment);
    if (this.moments.size > mostMoments) this.moments.delete(this.moments.keys().next().value!);
    return moment;
  }

  private checkPlan(name: string, command: Document): void {
    const [first] = (command['pipeline'] ?? []) as readonly Doc[];
    const filter = (name === 'find' ? command['filter'] : first?.['$match']) as Doc | undefined;
    const collection = this.collections.get(`${command['$db']}.${command[name]}`);
    if (!filter || !collection) return;
    if (hasSuitableIndex(collection.listIndexes(), filter, command['sort'] as Record<string, number> | undefined))
      return;
    throw new MongodbCommandError(291, `no index answers ${JSON.stringify({ ...command, lsid: undefined })}`);
  }

  private collection(ns: string): Collection {
    const found = this.collections.get(ns) ?? new Collection();
    this.collections.set(ns, found);
    return found;
  }

  private cursor(ns: string, found: readonly Document[], size = Infinity): Document {
    const rest = [...found];
    const firstBatch = batch(rest, size);
    if (rest.length === 0) return { cursor: { id: Long.ZERO, ns, firstBatch } };
    this.cursors.set(++this.lastCursor, { ns, rest });
    return { cursor: { id: Long.fromNumber(this.lastCursor), ns, firstBatch } };
  }

  private more(id: number, size: number): Document {
    const cursor = this.cursors.get(id);
    if (!cursor) throw new MongodbCommandError(43, `cursor id ${id} not found`);
    const nextBatch = batch(cursor.rest, size);
    if (cursor.rest.length === 0) this.cursors.delete(id);
    return { cursor: { id: Long.fromNumber(cursor.rest.length === 0 ? 0 : id), ns: cursor.ns, nextBatch } };
  }
}

/** Takes from the front of `rest` what one answer may hold. */
function batch(rest: Document[], size: number): Document[] {
  let [count, bytes] = [0, 0];
  for (const document of rest) {
    bytes += calculateObjectSize(document);
    if (count >= size || (count > 0 && bytes > mostBytes)) break;
    count++;
  }
  return rest.splice(0, count);
}

interface Update {
  readonly q: Doc;
  readonly u: Doc;
  readonly upsert?: boolean;
}

interface Index extends Indexed {
  readonly name: string;
}

/**
 * Texts lie here as their bytes in UTF-8, one to a character: so what compares texts as JavaScript does, as mingo does, compares
 * them by code point, as MongoDB does.
 */
const inBytes = <T>(value: T): T => mapped(value, (text) => Buffer.from(text, 'utf8').toString('latin1')) as T;
const inText = <T>(value: T): T => mapped(value, (bytes) => Buffer.from(bytes, 'latin1').toString('utf8')) as T;

function mapped(value: unknown, text: (text: string) => string): unknown {
  if (typeof value === 'string') return text(value);
  if (value instanceof RegExp) return new RegExp(text(value.source), value.flags);
  if (Array.isArray(value)) return value.map((each) => mapped(each, text));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, mapped(each, text)]));
}

class Collection {
  /** A document that changes is another one: so what it was stays in the collections of earlier moments. */
  private readonly documents: Map<unknown, Doc>;
  private readonly indexes = new Map<string, Index>([['_id_', { name: '_id_', key: { _id: 1 } }]]);
  /** What was found since the last change, by the conditions: pages of one list share all but the last of them. */
  private readonly found = new Map<string, readonly Doc[]>();

  constructor(documents: Iterable<readonly [unknown, Doc]> = []) {
    this.documents = new Map(documents);
  }

  asItIs(): Collection {
    return new Collection(this.documents);
  }

  find({ filter = {}, sort = {}, limit = 0, projection }: Document): Document[] {
    const found = this.matching(inBytes(filter as Doc)).toSorted(by(sort as Record<string, number>));
    return found
      .slice(0, (limit as number) || undefined)
      .map((document) => inText(projected(document, projection as Doc)));
  }

  aggregate([first, ...rest]: readonly Doc[]): Document[] {
    return new Aggregator(rest, {}).run([...this.matching(inBytes(first!['$match'] as Doc))]).map((it) => inText(it));
  }

  insert(documents: readonly Doc[]): Document {
    const writeErrors: Document[] = [];
    documents.forEach((document, index) => {
      if (!this.add(inBytes(document))) writeErrors.push(duplicateKeyError(index));
    });
    return { n: documents.length - writeErrors.length, ...(writeErrors.length > 0 ? { writeErrors } : {}) };
  }

  /** Unordered: what comes after a refused one is done all the same. */
  update(updates: readonly Update[]): Document {
    const [writeErrors, upserted]: [Document[], Document[]] = [[], []];
    let [n, nModified] = [0, 0];
    updates.forEach(({ q, u, upsert }, index) => {
      const [filter, change] = [inBytes(q), inBytes(u)];
      const [document] = this.matching(filter);
      if (document) {
        n++;
        if (this.change(document, change)) nModified++;
      } else if (upsert) {
        const seeded = Object.fromEntries(Object.entries(filter).filter(([, value]) => !isOperator(value)));
        update(seeded, change);
        if (this.add(seeded)) upserted.push({ index, _id: inText(seeded['_id']) });
        else writeErrors.push(duplicateKeyError(index));
      }
    });
    return {
      n: n + upserted.length,
      nModified,
      ...(upserted.length > 0 ? { upserted } : {}),
      ...(writeErrors.length > 0 ? { writeErrors } : {}),
    };
  }

  findAndModify(query: Doc, change: Doc): Document {
    const [document] = this.matching(inBytes(query));
    if (document) this.change(document, inBytes(change));
    return { lastErrorObject: { updatedExisting: document !== undefined }, value: document ? inText(document) : null };
  }

  createIndexes(indexes: readonly Index[]): Document {
    for (const index of indexes) this.indexes.set(index.name, index);
    return {};
  }

  listIndexes(): Index[] {
    return [...this.indexes.values()];
  }

  dropIndex(name: string): Document {
    if (!this.indexes.delete(name)) throw new MongodbCommandError(27, `index not found with name [${name}]`);
    return {};
  }

  private change(document: Doc, change: Doc): boolean {
    const changed = structuredClone(document);
    if (update(changed, change).length === 0) return false;
    this.documents.set(changed['_id'], changed);
    this.found.clear();
    return true;
  }

  private add(document: Doc): boolean {
    const id = document['_id'];
    if (this.documents.has(id)) return false;
    this.documents.set(id, document);
    this.found.clear();
    return true;
  }

  private matching(filter: Doc): readonly Doc[] {
    const clauses = Object.entries(filter).flatMap(([name, value]) =>
      name === '$and' ? (value as Doc[]) : [{ [name]: value }],
    );
    const ids = clauses.map(({ _id }) => idsIn(_id)).find((each) => each !== undefined);
    if (ids) {
      const query = new Query(filter, {});
      return ids
        .map((id) => this.documents.get(id))
        .filter((document): document is Doc => document !== undefined && query.test(document));
    }
    let [key, found]: [string, readonly Doc[]] = ['', [...this.documents.values()]];
    for (const clause of clauses) {
      key += JSON.stringify(clause, (_, value: unknown) => (value instanceof RegExp ? String(value) : value));
      const known = this.found.get(key);
      const query = new Query(clause, {});
      found = known ?? found.filter((document) => query.test(document));
      this.found.set(key, found);
    }
    return found;
  }
}

export const duplicateKeyError = (index: number): Document => ({
  index,
  code: 11_000,
  errmsg: 'E11000 duplicate key error: { _id }',
});

const isOperator = (value: unknown): value is Doc =>
  typeof value === 'object' && value !== null && (Object.keys(value)[0] ?? '').startsWith('$');

/** Which ids a condition on them allows, where it lists them. */
function idsIn(condition: unknown): readonly unknown[] | undefined {
  if (typeof condition === 'string') return [condition];
  return isOperator(condition) ? (condition['$in'] as unknown[] | undefined) : undefined;
}

const projected = (document: Doc, projection: Doc | undefined): Doc =>
  projection
    ? Object.fromEntries(Object.entries(document).filter(([name]) => name === '_id' || name in projection))
    : document;

/** Nothing before numbers before texts. */
const rank = (value: unknown): number => (typeof value === 'string' ? 2 : typeof value === 'number' ? 1 : 0);

const by =
  (sort: Readonly<Record<string, number>>) =>
  (a: Doc, b: Doc): number => {
    for (const [name, direction] of Object.entries(sort)) {
      const [x, y] = [a[name] as never, b[name] as never];
      if (x === y) continue;
      const less = rank(x) === rank(y) ? x < y : rank(x) < rank(y);
      return less ? -direction : direction;
    }
    return 0;
  };
