import { calculateObjectSize, type Document, Long, Timestamp } from 'bson';
import { Aggregator, Query } from 'mingo';
import { update } from 'mingo/updater';
import { hasSuitableIndex, type IndexSpec } from './fake-mongodb-server.indexes.js';

/** Returned to the client with MongoDB's error code. */
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

const writeCommands: ReadonlySet<string> = new Set(['insert', 'update', 'findAndModify', 'createIndexes', 'drop']);

/** Snapshot reads of other snapshots fail. */
const maxSnapshots = 50;

/** A response may not be longer than a document. */
const maxBatchBytes = 15_000_000;

/** The collections of a server and its commands. mingo finds and changes documents; upserts, unique ids and cursors are done here. */
export class FakeMongodbData {
  private readonly collections = new Map<string, Collection>();
  private readonly cursors = new Map<number, { readonly ns: string; readonly rest: Document[] }>();
  private lastCursor = 0;
  private readonly snapshots = new Map<
    number,
    { readonly time: Timestamp; readonly collections: ReadonlyMap<string, Collection> }
  >();
  /** Increases with each write and each snapshot. */
  private clock = 0;

  /** Without `scans`, a query without a suitable index is rejected, as by a MongoDB server with `notablescan`. */
  constructor(private readonly scans: boolean) {}

  get operationTime(): Timestamp {
    return new Timestamp({ t: 1, i: this.clock });
  }

  /** @throws MongodbCommandError */
  run(name: string, command: Document): Document {
    if (writeCommands.has(name)) this.clock++;
    if (!this.scans) this.checkPlan(name, command);
    const { level, atClusterTime } = (command['readConcern'] ?? {}) as Document;
    if (level === 'snapshot') return this.readSnapshot(name, command, atClusterTime as Timestamp | undefined);
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
        return this.getMore(Number(command['getMore']), Number(command['batchSize'] ?? Infinity));
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
        const names = [...this.collections.keys()].filter((existingNs) => existingNs.startsWith(within));
        const all = names.map((existingNs) => ({ name: existingNs.slice(within.length), type: 'collection' }));
        return this.cursor(ns, new Query((command['filter'] ?? {}) as Doc, {}).find<Document>(all).all());
      }
      case 'drop':
        existing();
        this.collections.delete(ns);
        return {};
      case 'dropDatabase':
        for (const existingNs of this.collections.keys())
          if (existingNs.startsWith(`${command['$db']}.`)) this.collections.delete(existingNs);
        return {};
      default:
        throw new MongodbCommandError(59, `no such command: ${name}`);
    }
  }

  /** Takes a new snapshot if no time is given. */
  private readSnapshot(name: string, command: Document, time: Timestamp | undefined): Document {
    const snapshot = time ? this.snapshots.get(time.i) : this.takeSnapshot();
    if (!snapshot) throw new MongodbCommandError(239, 'the snapshot is too old');
    // The least recently used snapshots are removed first.
    this.snapshots.delete(snapshot.time.i);
    this.snapshots.set(snapshot.time.i, snapshot);
    const ns = `${command['$db']}.${command[name]}`;
    const collection = snapshot.collections.get(ns);
    const isFind = name === 'find';
    const found = isFind ? collection?.find(command) : collection?.aggregate(command['pipeline'] as Doc[]);
    const response = this.cursor(ns, found ?? [], isFind ? Number(command['batchSize'] ?? 101) : Infinity);
    return { ...response, cursor: { ...(response['cursor'] as object), atClusterTime: snapshot.time } };
  }

  takeSnapshot() {
    const time = new Timestamp({ t: 1, i: ++this.clock });
    const collections = new Map([...this.collections].map(([ns, collection]) => [ns, collection.copy()]));
    const snapshot = { time, collections };
    this.snapshots.set(time.i, snapshot);
    if (this.snapshots.size > maxSnapshots) this.snapshots.delete(this.snapshots.keys().next().value!);
    return snapshot;
  }

  private checkPlan(name: string, command: Document): void {
    const [firstStage] = (command['pipeline'] ?? []) as readonly Doc[];
    const filter = (name === 'find' ? command['filter'] : firstStage?.['$match']) as Doc | undefined;
    const collection = this.collections.get(`${command['$db']}.${command[name]}`);
    if (!filter || !collection) return;
    if (hasSuitableIndex(collection.listIndexes(), filter, command['sort'] as Record<string, number> | undefined))
      return;
    throw new MongodbCommandError(291, `no suitable index for ${JSON.stringify({ ...command, lsid: undefined })}`);
  }

  private collection(ns: string): Collection {
    const found = this.collections.get(ns) ?? new Collection();
    this.collections.set(ns, found);
    return found;
  }

  private cursor(ns: string, found: readonly Document[], size = Infinity): Document {
    const rest = [...found];
    const firstBatch = takeBatch(rest, size);
    if (rest.length === 0) return { cursor: { id: Long.ZERO, ns, firstBatch } };
    this.cursors.set(++this.lastCursor, { ns, rest });
    return { cursor: { id: Long.fromNumber(this.lastCursor), ns, firstBatch } };
  }

  private getMore(id: number, size: number): Document {
    const cursor = this.cursors.get(id);
    if (!cursor) throw new MongodbCommandError(43, `cursor id ${id} not found`);
    const nextBatch = takeBatch(cursor.rest, size);
    if (cursor.rest.length === 0) this.cursors.delete(id);
    return { cursor: { id: Long.fromNumber(cursor.rest.length === 0 ? 0 : id), ns: cursor.ns, nextBatch } };
  }
}

/** Removes from the front of `rest` what one response may contain. */
function takeBatch(rest: Document[], size: number): Document[] {
  let [count, bytes] = [0, 0];
  for (const document of rest) {
    bytes += calculateObjectSize(document);
    if (count >= size || (count > 0 && bytes > maxBatchBytes)) break;
    count++;
  }
  return rest.splice(0, count);
}

interface Update {
  readonly q: Doc;
  readonly u: Doc;
  readonly upsert?: boolean;
}

interface Index extends IndexSpec {
  readonly name: string;
}

/**
 * Texts are stored as their UTF-8 bytes, one per character. mingo compares texts as JavaScript does; on bytes, that is the order of
 * code points, which MongoDB uses.
 */
const encodeTexts = <T>(value: T): T => mapTexts(value, (text) => Buffer.from(text, 'utf8').toString('latin1')) as T;
const decodeTexts = <T>(value: T): T => mapTexts(value, (bytes) => Buffer.from(bytes, 'latin1').toString('utf8')) as T;

function mapTexts(value: unknown, change: (text: string) => string): unknown {
  if (typeof value === 'string') return change(value);
  if (value instanceof RegExp) return new RegExp(change(value.source), value.flags);
  if (Array.isArray(value)) return value.map((element) => mapTexts(element, change));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, mapTexts(field, change)]));
}

class Collection {
  /** A changed document is a new object, so that snapshots keep the old one. */
  private readonly documents: Map<unknown, Doc>;
  private readonly indexes = new Map<string, Index>([['_id_', { name: '_id_', key: { _id: 1 } }]]);
  /** Documents found since the last change, by clauses. Pages of one list share all clauses but the last. */
  private readonly foundByClauses = new Map<string, readonly Doc[]>();
  private unchangedCopy: Collection | undefined;

  constructor(documents: Iterable<readonly [unknown, Doc]> = []) {
    this.documents = new Map(documents);
  }

  /** For a snapshot. The same one is returned until the collection changes. */
  copy(): Collection {
    return (this.unchangedCopy ??= new Collection(this.documents));
  }

  find({ filter = {}, sort = {}, limit = 0, projection }: Document): Document[] {
    const found = this.match(encodeTexts(filter as Doc)).toSorted(compareBy(sort as Record<string, number>));
    return found
      .slice(0, (limit as number) || undefined)
      .map((document) => decodeTexts(project(document, projection as Doc)));
  }

  aggregate([first, ...rest]: readonly Doc[]): Document[] {
    const matches = this.match(encodeTexts(first!['$match'] as Doc));
    return new Aggregator(rest, {}).run([...matches]).map((document) => decodeTexts(document));
  }

  insert(documents: readonly Doc[]): Document {
    const writeErrors: Document[] = [];
    documents.forEach((document, index) => {
      if (!this.add(encodeTexts(document))) writeErrors.push(duplicateKeyError(index));
    });
    return { n: documents.length - writeErrors.length, ...(writeErrors.length > 0 ? { writeErrors } : {}) };
  }

  /** Unordered: an update that fails does not stop the ones after it. */
  update(updates: readonly Update[]): Document {
    const [writeErrors, upserted]: [Document[], Document[]] = [[], []];
    let [n, nModified] = [0, 0];
    updates.forEach(({ q, u, upsert }, index) => {
      const [filter, change] = [encodeTexts(q), encodeTexts(u)];
      const [document] = this.match(filter);
      if (document) {
        n++;
        if (this.change(document, change)) nModified++;
      } else if (upsert) {
        const seeded = Object.fromEntries(Object.entries(filter).filter(([, value]) => !isOperator(value)));
        update(seeded, change);
        if (this.add(seeded)) upserted.push({ index, _id: decodeTexts(seeded['_id']) });
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
    const [document] = this.match(encodeTexts(query));
    if (document) this.change(document, encodeTexts(change));
    return {
      lastErrorObject: { updatedExisting: document !== undefined },
      value: document ? decodeTexts(document) : null,
    };
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
    this.forgetResults();
    return true;
  }

  private add(document: Doc): boolean {
    const id = document['_id'];
    if (this.documents.has(id)) return false;
    this.documents.set(id, document);
    this.forgetResults();
    return true;
  }

  private forgetResults(): void {
    this.foundByClauses.clear();
    this.unchangedCopy = undefined;
  }

  private match(filter: Doc): readonly Doc[] {
    const clauses = Object.entries(filter).flatMap(([name, value]) =>
      name === '$and' ? (value as Doc[]) : [{ [name]: value }],
    );
    const ids = clauses.map(({ _id }) => listIds(_id)).find((listed) => listed !== undefined);
    if (ids) {
      const query = new Query(filter, {});
      return ids
        .map((id) => this.documents.get(id))
        .filter((document): document is Doc => document !== undefined && query.test(document));
    }
    let [key, found]: [string, readonly Doc[]] = ['', [...this.documents.values()]];
    for (const clause of clauses) {
      key += JSON.stringify(clause, (_, value: unknown) => (value instanceof RegExp ? String(value) : value));
      const known = this.foundByClauses.get(key);
      const query = new Query(clause, {});
      found = known ?? found.filter((document) => query.test(document));
      this.foundByClauses.set(key, found);
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

/** The ids that a condition allows; undefined if it does not list them. */
function listIds(condition: unknown): readonly unknown[] | undefined {
  if (typeof condition === 'string') return [condition];
  return isOperator(condition) ? (condition['$in'] as unknown[] | undefined) : undefined;
}

const project = (document: Doc, projection: Doc | undefined): Doc =>
  projection
    ? Object.fromEntries(Object.entries(document).filter(([name]) => name === '_id' || name in projection))
    : document;

/** MongoDB's order of types: null, numbers, texts. */
const rank = (value: unknown): number => (typeof value === 'string' ? 2 : typeof value === 'number' ? 1 : 0);

const compareBy =
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
