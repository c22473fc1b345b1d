import { Random } from '#apps/demo/random';
import { leadSorts } from '#projections/lead-list/lead-list.query';
import { agentId, campaignId, dayMs } from './contact-generator.js';

/** What somebody asks `GET /v1/leads`. */
export type ListParams = Readonly<Record<string, string>>;

export interface BenchQuery {
  readonly kind: string;
  readonly params: ListParams;
  /** Not the first page, but one from the middle. */
  readonly isDeepPage: boolean;
}

/** A lead of the sample, to ask for what is there. */
export interface KnownLead {
  readonly contactId: string;
  readonly name: string | null;
  readonly phone: string | null;
  readonly email: string | null;
}

type Kinds = Readonly<Record<string, readonly ListParams[]>>;

const each = (name: string, ...values: readonly string[]): readonly ListParams[] =>
  values.map((value) => ({ [name]: value }));

/** Each filter of the list, by itself. */
export function filterParams(end: number, known: readonly KnownLead[]): Kinds {
  const ago = (days: number): string => new Date(end - days * dayMs).toISOString();
  const since = (name: string): readonly ListParams[] =>
    [1, 30, 200, 500].flatMap((days) => each(`${name}From`, ago(days)));
  const before = (name: string): readonly ListParams[] =>
    [1, 30, 200, 500].flatMap((days) => each(`${name}To`, ago(days)));
  const month = (name: string): ListParams => ({ [`${name}From`]: ago(400), [`${name}To`]: ago(370) });
  const statuses = ['new', 'contacted', 'qualifying', 'qualified', 'follow_up', 'converted', 'lost', 'archived'];
  return {
    status: each('status', ...statuses, 'new,contacted', 'qualified,follow_up,converted', 'lost,archived'),
    active: each('active', 'true', 'false'),
    agentId: each('agentId', agentId(0), agentId(9), agentId(39), 'none', 'nobody'),
    contactId: each('contactId', ...known.slice(0, 4).map(({ contactId }) => contactId), 'nobody'),
    channel: each('channel', 'whatsapp', 'email', 'telegram', 'integration', 'sms,facebook,instagram'),
    origin: each('origin', 'chat', 'broadcast_reply', 'integration', 'manual', 'manual,integration'),
    campaignId: each('campaignId', campaignId(0), campaignId(30), campaignId(59), 'none-such'),
    score: [...each('scoreMin', '50', '90', '99'), ...each('scoreMax', '10', '40'), { scoreMin: '60', scoreMax: '70' }],
    scored: each('scored', 'true', 'false'),
    created: [...since('created'), ...before('created'), month('created')],
    updated: [...since('updated'), ...before('updated'), month('updated')],
    followUpDue: [...each('followUpDue', 'overdue', 'today', 'none'), { followUpDue: 'today', timeZone: 'Asia/Tokyo' }],
  };
}

/** Each kind of search. */
export function searchParams(known: readonly KnownLead[]): Kinds {
  const of = (field: keyof KnownLead): readonly string[] => known.map((it) => it[field]).filter((it) => it !== null);
  const [names, phones, emails] = [of('name').slice(0, 8), of('phone').slice(0, 8), of('email').slice(0, 8)];
  return {
    'a name': each('q', ...names),
    'a word of a name': each('q', ...names.map((name) => name.split(' ').at(-1)!)),
    'a name that many have': each('q', 'Amelia', 'jürgen', 'Ashdown', '中'),
    'the beginning of words': each('q', 'am', 'mar', 'con', 'b mail', 'al hol'),
    'one letter': each('q', 'a', 'e', 'm', 's', 'x', '5'),
    "a phone's ending": each('q', ...phones.map((phone) => phone.slice(-6)), ...phones.map((phone) => phone.slice(-3))),
    "a phone's beginning": each('q', ...phones.map((phone) => phone.slice(0, 9)), '+49', '4400'),
    'an email': each('q', ...emails),
    nobody: each('q', 'zzyzx', 'a zzyzx', 'amelia zzyzx'),
  };
}

export const sortOrders: readonly string[] = leadSorts.flatMap((sort) => [sort, `-${sort}`]);

const all = (kinds: Kinds): readonly ListParams[] => Object.values(kinds).flat();
const pages = (kind: string, params: ListParams): readonly BenchQuery[] =>
  [false, true].map((isDeepPage) => ({ kind, params, isDeepPage }));
const withActive = (asked: ListParams): readonly ListParams[] =>
  'active' in asked ? [asked] : [asked, { ...asked, active: 'true' }];

/** Each kind by itself, alone and among the active leads, in the usual order. */
export const singleQueries = (kinds: Kinds): readonly BenchQuery[] =>
  Object.entries(kinds).flatMap(([kind, its]) => its.flatMap(withActive).flatMap((asked) => pages(kind, asked)));

/** Each sort, both ways. */
export const sortQueries = (): readonly BenchQuery[] =>
  sortOrders.flatMap((sort) => withActive({ sort }).flatMap((asked) => pages(sort.replace('-', ''), asked)));

/** Each filter, alone and among the active leads, with each sort. */
export const queriesInEveryOrder = (kinds: Kinds): readonly BenchQuery[] =>
  Object.entries(kinds).flatMap(([kind, its]) =>
    its.flatMap(withActive).flatMap((asked) => sortOrders.flatMap((sort) => pages(kind, { ...asked, sort }))),
  );

/** Two or three filters, now and then a search, and a sort, by chance. */
export function mixedQueries(filtersOf: Kinds, searchesOf: Kinds, count: number): readonly BenchQuery[] {
  const chance = new Random(count);
  const one = (kinds: Kinds): ListParams => {
    const kind = Object.values(kinds)[chance.int(0, Object.keys(kinds).length - 1)]!;
    return kind[chance.int(0, kind.length - 1)]!;
  };
  return Array.from({ length: count }, () => {
    const many = chance.int(2, 3);
    const asked = Array.from({ length: many }, () => one(filtersOf));
    const search = chance.boolean(0.2) ? one(searchesOf) : {};
    const sort = sortOrders[chance.int(0, sortOrders.length - 1)]!;
    const kind = 'q' in search ? 'two or three filters and a search' : `${many === 2 ? 'two' : 'three'} filters`;
    return {
      kind,
      params: Object.assign({}, ...asked, search, { sort }) as ListParams,
      isDeepPage: chance.boolean(0.5),
    };
  });
}

/** What may be counted: everything that is asked alone, and every mixture. */
export const countQueries = (
  filtersOf: Kinds,
  searchesOf: Kinds,
  mixtures: readonly BenchQuery[],
): readonly BenchQuery[] => [
  ...[{}, ...all(filtersOf)].flatMap(withActive).map((params) => ({ kind: 'of a filter', params, isDeepPage: false })),
  ...all(searchesOf)
    .flatMap(withActive)
    .map((params) => ({ kind: 'of a search', params, isDeepPage: false })),
  ...mixtures.map(({ params }) => ({ kind: 'of a mixture', params, isDeepPage: false })),
];
