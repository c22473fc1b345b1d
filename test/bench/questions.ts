import { Chance } from '#apps/cli/chance';
import { leadSorts } from '#projections/lead-list/lead-list.query';
import { agentId, campaignId, day } from './lives.js';

/** What somebody asks `GET /v1/leads`. */
export type Asked = Readonly<Record<string, string>>;

export interface Question {
  readonly kind: string;
  readonly asked: Asked;
  /** Not the first page, but one from the middle. */
  readonly deep: boolean;
}

/** A lead of the sample, to ask for what is there. */
export interface Known {
  readonly contactId: string;
  readonly name: string | null;
  readonly phone: string | null;
  readonly email: string | null;
}

type Kinds = Readonly<Record<string, readonly Asked[]>>;

const each = (name: string, ...values: readonly string[]): readonly Asked[] =>
  values.map((value) => ({ [name]: value }));

/** Each filter of the list, by itself. */
export function filters(end: number, known: readonly Known[]): Kinds {
  const ago = (days: number): string => new Date(end - days * day).toISOString();
  const since = (name: string): readonly Asked[] => [1, 30, 200, 500].flatMap((days) => each(`${name}From`, ago(days)));
  const before = (name: string): readonly Asked[] => [1, 30, 200, 500].flatMap((days) => each(`${name}To`, ago(days)));
  const month = (name: string): Asked => ({ [`${name}From`]: ago(400), [`${name}To`]: ago(370) });
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
export function searches(known: readonly Known[]): Kinds {
  const of = (field: keyof Known): readonly string[] => known.map((it) => it[field]).filter((it) => it !== null);
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

export const sorts: readonly string[] = leadSorts.flatMap((sort) => [sort, `-${sort}`]);

const all = (kinds: Kinds): readonly Asked[] => Object.values(kinds).flat();
const pages = (kind: string, asked: Asked): readonly Question[] => [false, true].map((deep) => ({ kind, asked, deep }));
const withActive = (asked: Asked): readonly Asked[] =>
  'active' in asked ? [asked] : [asked, { ...asked, active: 'true' }];

/** Each kind by itself, alone and among the active leads, in the usual order. */
export const alone = (kinds: Kinds): readonly Question[] =>
  Object.entries(kinds).flatMap(([kind, its]) => its.flatMap(withActive).flatMap((asked) => pages(kind, asked)));

/** Each sort, both ways. */
export const sorted = (): readonly Question[] =>
  sorts.flatMap((sort) => withActive({ sort }).flatMap((asked) => pages(sort.replace('-', ''), asked)));

/** Each filter, alone and among the active leads, with each sort. */
export const inAnyOrder = (kinds: Kinds): readonly Question[] =>
  Object.entries(kinds).flatMap(([kind, its]) =>
    its.flatMap(withActive).flatMap((asked) => sorts.flatMap((sort) => pages(kind, { ...asked, sort }))),
  );

/** Two or three filters, now and then a search, and a sort, by chance. */
export function mixed(filtersOf: Kinds, searchesOf: Kinds, count: number): readonly Question[] {
  const chance = new Chance(count);
  const one = (kinds: Kinds): Asked => {
    const kind = Object.values(kinds)[chance.int(0, Object.keys(kinds).length - 1)]!;
    return kind[chance.int(0, kind.length - 1)]!;
  };
  return Array.from({ length: count }, () => {
    const many = chance.int(2, 3);
    const asked = Array.from({ length: many }, () => one(filtersOf));
    const search = chance.likely(0.2) ? one(searchesOf) : {};
    const sort = sorts[chance.int(0, sorts.length - 1)]!;
    const kind = 'q' in search ? 'two or three filters and a search' : `${many === 2 ? 'two' : 'three'} filters`;
    return { kind, asked: Object.assign({}, ...asked, search, { sort }) as Asked, deep: chance.likely(0.5) };
  });
}

/** What may be counted: everything that is asked alone, and every mixture. */
export const counted = (filtersOf: Kinds, searchesOf: Kinds, mixtures: readonly Question[]): readonly Question[] => [
  ...[{}, ...all(filtersOf)].flatMap(withActive).map((asked) => ({ kind: 'of a filter', asked, deep: false })),
  ...all(searchesOf)
    .flatMap(withActive)
    .map((asked) => ({ kind: 'of a search', asked, deep: false })),
  ...mixtures.map(({ asked }) => ({ kind: 'of a mixture', asked, deep: false })),
];
