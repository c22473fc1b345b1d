import { Random } from '#apps/demo/random';
import { leadSorts } from '#projections/lead-list/lead-list.query';
import { agentId, campaignId, dayMs } from './contact-generator.js';

/** Query parameters of `GET /v1/leads`. */
export type ListParams = Readonly<Record<string, string>>;

export interface BenchQuery {
  readonly kind: string;
  readonly params: ListParams;
  /** A page from the middle of the list instead of the first one. */
  readonly isDeepPage: boolean;
}

/** A lead of the data set, whose values the queries look for. */
export interface KnownLead {
  readonly contactId: string;
  readonly name: string | null;
  readonly phone: string | null;
  readonly email: string | null;
}

type ParamsByKind = Readonly<Record<string, readonly ListParams[]>>;

const withEach = (name: string, ...values: readonly string[]): readonly ListParams[] =>
  values.map((value) => ({ [name]: value }));

/** Each filter of the list, without other filters. */
export function filterParams(end: number, known: readonly KnownLead[]): ParamsByKind {
  const ago = (days: number): string => new Date(end - days * dayMs).toISOString();
  const since = (name: string): readonly ListParams[] =>
    [1, 30, 200, 500].flatMap((days) => withEach(`${name}From`, ago(days)));
  const before = (name: string): readonly ListParams[] =>
    [1, 30, 200, 500].flatMap((days) => withEach(`${name}To`, ago(days)));
  const month = (name: string): ListParams => ({ [`${name}From`]: ago(400), [`${name}To`]: ago(370) });
  const statuses = ['new', 'contacted', 'qualifying', 'qualified', 'follow_up', 'converted', 'lost', 'archived'];
  return {
    status: withEach('status', ...statuses, 'new,contacted', 'qualified,follow_up,converted', 'lost,archived'),
    active: withEach('active', 'true', 'false'),
    agentId: withEach('agentId', agentId(0), agentId(9), agentId(39), 'none', 'nobody'),
    contactId: withEach('contactId', ...known.slice(0, 4).map(({ contactId }) => contactId), 'nobody'),
    channel: withEach('channel', 'whatsapp', 'email', 'telegram', 'integration', 'sms,facebook,instagram'),
    origin: withEach('origin', 'chat', 'broadcast_reply', 'integration', 'manual', 'manual,integration'),
    campaignId: withEach('campaignId', campaignId(0), campaignId(30), campaignId(59), 'none-such'),
    score: [
      ...withEach('scoreMin', '50', '90', '99'),
      ...withEach('scoreMax', '10', '40'),
      { scoreMin: '60', scoreMax: '70' },
    ],
    scored: withEach('scored', 'true', 'false'),
    created: [...since('created'), ...before('created'), month('created')],
    updated: [...since('updated'), ...before('updated'), month('updated')],
    followUpDue: [
      ...withEach('followUpDue', 'overdue', 'today', 'none'),
      { followUpDue: 'today', timeZone: 'Asia/Tokyo' },
    ],
  };
}

/** Each kind of search. */
export function searchParams(known: readonly KnownLead[]): ParamsByKind {
  const valuesOf = (field: keyof KnownLead): readonly string[] =>
    known.map((lead) => lead[field]).filter((value) => value !== null);
  const names = valuesOf('name').slice(0, 8);
  const phones = valuesOf('phone').slice(0, 8);
  const emails = valuesOf('email').slice(0, 8);
  return {
    'full name': withEach('q', ...names),
    'one word of a name': withEach('q', ...names.map((name) => name.split(' ').at(-1)!)),
    'common name': withEach('q', 'Amelia', 'jürgen', 'Ashdown', '中'),
    'word prefixes': withEach('q', 'am', 'mar', 'con', 'b mail', 'al hol'),
    'single letter': withEach('q', 'a', 'e', 'm', 's', 'x', '5'),
    'end of a phone number': withEach(
      'q',
      ...phones.map((phone) => phone.slice(-6)),
      ...phones.map((phone) => phone.slice(-3)),
    ),
    'start of a phone number': withEach('q', ...phones.map((phone) => phone.slice(0, 9)), '+49', '4400'),
    email: withEach('q', ...emails),
    'no match': withEach('q', 'zzyzx', 'a zzyzx', 'amelia zzyzx'),
  };
}

export const sortOrders: readonly string[] = leadSorts.flatMap((sort) => [sort, `-${sort}`]);

const flatten = (kinds: ParamsByKind): readonly ListParams[] => Object.values(kinds).flat();
const firstAndDeepPage = (kind: string, params: ListParams): readonly BenchQuery[] =>
  [false, true].map((isDeepPage) => ({ kind, params, isDeepPage }));
const withActive = (params: ListParams): readonly ListParams[] =>
  'active' in params ? [params] : [params, { ...params, active: 'true' }];

/** Each kind in the default order, for all leads and for active leads. */
export const singleQueries = (kinds: ParamsByKind): readonly BenchQuery[] =>
  Object.entries(kinds).flatMap(([kind, paramsOfKind]) =>
    paramsOfKind.flatMap(withActive).flatMap((params) => firstAndDeepPage(kind, params)),
  );

/** Each sort, ascending and descending. */
export const sortQueries = (): readonly BenchQuery[] =>
  sortOrders.flatMap((sort) =>
    withActive({ sort }).flatMap((params) => firstAndDeepPage(sort.replace('-', ''), params)),
  );

/** Each kind with each sort, for all leads and for active leads. */
export const queriesInEveryOrder = (kinds: ParamsByKind): readonly BenchQuery[] =>
  Object.entries(kinds).flatMap(([kind, paramsOfKind]) =>
    paramsOfKind
      .flatMap(withActive)
      .flatMap((params) => sortOrders.flatMap((sort) => firstAndDeepPage(kind, { ...params, sort }))),
  );

/** Random combinations of two or three filters, sometimes a search, and a sort. The same `count` gives the same queries. */
export function mixedQueries(filters: ParamsByKind, searches: ParamsByKind, count: number): readonly BenchQuery[] {
  const random = new Random(count);
  const pickFrom = (kinds: ParamsByKind): ListParams => {
    const paramsOfKind = Object.values(kinds)[random.int(0, Object.keys(kinds).length - 1)]!;
    return paramsOfKind[random.int(0, paramsOfKind.length - 1)]!;
  };
  return Array.from({ length: count }, () => {
    const filterCount = random.int(2, 3);
    const picked = Array.from({ length: filterCount }, () => pickFrom(filters));
    const search = random.boolean(0.2) ? pickFrom(searches) : {};
    const sort = sortOrders[random.int(0, sortOrders.length - 1)]!;
    const kind = 'q' in search ? 'two or three filters and a search' : `${filterCount === 2 ? 'two' : 'three'} filters`;
    return {
      kind,
      params: Object.assign({}, ...picked, search, { sort }) as ListParams,
      isDeepPage: random.boolean(0.5),
    };
  });
}

/** Every filter, search and combination whose matches can be counted. */
export const countQueries = (
  filters: ParamsByKind,
  searches: ParamsByKind,
  combinations: readonly BenchQuery[],
): readonly BenchQuery[] => [
  ...[{}, ...flatten(filters)].flatMap(withActive).map((params) => ({ kind: 'filter', params, isDeepPage: false })),
  ...flatten(searches)
    .flatMap(withActive)
    .map((params) => ({ kind: 'search', params, isDeepPage: false })),
  ...combinations.map(({ params }) => ({ kind: 'combination', params, isDeepPage: false })),
];
