import { beforeAll, describe, expect, test } from '@jest/globals';
import type { LeadResource } from '#resources/lead.resource';
import { invalid } from '../support/expected-responses.js';
import { setupApp, type LeadPage, type QueryParams } from '../support/app.js';
import {
  expectSuccess,
  getAllItems,
  getAllLeads,
  occurredAtHeader,
  openLead,
  postAgent,
  postAssignment,
  postFollowUp,
  postInteraction,
  postStatus,
  uniqueId,
} from '../support/api-steps.js';

const app = setupApp();

const statuses = ['new', 'contacted', 'qualifying', 'qualified', 'follow_up', 'converted', 'lost', 'archived'];
const channels = ['whatsapp', 'sms', 'email', 'webchat', 'facebook', 'instagram', 'telegram'];
const names = [
  'Ána Müller',
  'ana muller',
  'Ben',
  'ben O’Neil',
  'Zoë',
  '李雷',
  'Émile Zola',
  'emil',
  'ÉMILE',
  'Ǆuro',
  'straße',
  'Strasse',
];
const count = 240;
const timeAtHour = (hour: number): string => new Date(Date.UTC(2025, 0, 1) + hour * 3_600_000).toISOString();

/** All leads, as single reads return them. */
const leads: LeadResource[] = [];
let agents: string[] = [];
/** The position after which the seeded leads no longer change. */
let after = '';

/** Each sort value occurs on several leads, and nullable values are missing on some. */
async function seedLead(index: number): Promise<string> {
  const at = (hours: number) => occurredAtHeader(timeAtHour((index % 60) + hours));
  const profile = {
    ...(index % 7 === 0 ? {} : { name: names[index % names.length] }),
    ...(index % 3 === 0 ? { phone: `+49151${String(index).padStart(6, '0')}` } : {}),
    ...(index % 4 === 0 ? { email: `person.${index}@example${index % 5}.org` } : {}),
  };
  const contactId = uniqueId('listed');
  const { lead } =
    index % 6 === 0
      ? expectSuccess(
          await app.post('/v1/leads', { contactId, profile, ...(index % 12 === 0 ? {} : { channel: 'email' }) }, at(0)),
        )
      : await postInteraction(app, { contactId, profile, channel: channels[index % channels.length] }, at(0));
  const { id } = lead;
  if (index % 4 === 1) await app.post(`/v1/leads/${id}/assignment`, { agentId: agents[index % 3] }, at(1));
  if (index % 5 < 2)
    await app.post(`/v1/leads/${id}/follow-ups`, { dueAt: `2999-01-${10 + (index % 9)}T00:00:00Z` }, at(1));
  if (index % 3 !== 1) await app.post(`/v1/leads/${id}/status`, { qualificationScore: (index * 7) % 21 }, at(2));
  if (index % 2) await app.post(`/v1/leads/${id}/status`, { status: statuses[index % statuses.length] }, at(3));
  return id;
}

beforeAll(async () => {
  agents = [(await postAgent(app)).id, (await postAgent(app)).id, (await postAgent(app)).id];
  const ids: string[] = [];
  for (let from = 0; from < count; from += 20)
    ids.push(...(await Promise.all(Array.from({ length: 20 }, (_, index) => seedLead(from + index)))));
  after = expectSuccess(await app.post('/v1/agents', { name: 'Last' })).position;
  for (let from = 0; from < count; from += 20)
    leads.push(
      ...(await Promise.all(
        ids.slice(from, from + 20).map(async (id) => (await app.get<LeadResource>(`/v1/leads/${id}`, { after })).body),
      )),
    );
});

const normalized = (name: string): string =>
  name
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '')
    .toLowerCase();
const sortKeys: Readonly<Record<string, (lead: LeadResource) => string | number | null>> = {
  createdAt: (lead) => lead.createdAt,
  updatedAt: (lead) => lead.updatedAt,
  lastInteractionAt: (lead) => lead.lastInteractionAt,
  score: (lead) => lead.qualification.score,
  name: (lead) => (lead.contact.name === null ? null : normalized(lead.contact.name)),
  status: (lead) => statuses.indexOf(lead.status),
  nextFollowUpAt: (lead) => lead.followUps.nextDueAt,
};
/** The ids in the order that the API documents: nulls last, ties by id in the sort's direction. */
const sorted = (unsorted: readonly LeadResource[], sort: string): string[] => {
  const descending = sort.startsWith('-');
  const key = sortKeys[sort.replace('-', '')]!;
  const direction = descending ? -1 : 1;
  return unsorted
    .toSorted((a, b) => {
      const [x, y] = [key(a), key(b)];
      if (x === null || y === null) return x === y ? direction * compare(a.id, b.id) : x === null ? 1 : -1;
      return direction * (compare(x, y) || compare(a.id, b.id));
    })
    .map((lead) => lead.id);
};
/** Texts in the order of their UTF-8 bytes, which is the order of their code points. */
const compare = (a: string | number, b: string | number): number =>
  typeof a === 'string' && typeof b === 'string'
    ? Buffer.compare(Buffer.from(a), Buffer.from(b))
    : Number(a) - Number(b);

const listIds = async (query: QueryParams = {}): Promise<string[]> =>
  (await getAllLeads(app, query)).map((lead) => lead.id);

describe('the list of leads', () => {
  test('the list of leads is newest first with 50 leads a page by default', async () => {
    const { body } = await app.get<LeadPage>('/v1/leads');
    expect(body.items.map((lead) => lead.id)).toEqual(sorted(leads, '-createdAt').slice(0, 50));
    expect(body.nextCursor).not.toBeNull();
    expect(body).not.toHaveProperty('total');
  });

  test('the list of leads returns each lead as a single read does', async () => {
    const all = await getAllLeads(app);
    expect(all.toSorted((a, b) => compare(a.id, b.id))).toEqual(leads.toSorted((a, b) => compare(a.id, b.id)));
  });

  describe.each(Object.keys(sortKeys).flatMap((sort) => [sort, `-${sort}`]))('sorted by %s', (sort) => {
    test('a sorted list has nulls last and breaks ties by id in the same direction', async () => {
      expect(await listIds({ sort })).toEqual(sorted(leads, sort));
    });

    test.each([1, 7, 50, 199])('the pages of a sorted list have no gap or repetition with limit %d', async (limit) => {
      // Pages of one lead are slow: a filter keeps the list short.
      const filter = limit === 1 ? { channel: 'sms' } : {};
      const expected = sorted(limit === 1 ? leads.filter((lead) => lead.channel === 'sms') : leads, sort);
      expect(await listIds({ sort, limit, ...filter })).toEqual(expected);
    });

    test('a sorted list can be filtered by active', async () => {
      const active = leads.filter((lead) => lead.active);
      expect(await listIds({ sort, active: true, limit: 30 })).toEqual(sorted(active, sort));
    });
  });
});

describe('a filter of the list of leads', () => {
  const cases: readonly (readonly [QueryParams, (lead: LeadResource) => boolean])[] = [
    ...statuses.map((status) => [{ status }, (lead: LeadResource) => lead.status === status] as const),
    [{ status: 'new,lost' }, (lead) => ['new', 'lost'].includes(lead.status)],
    [{ status: 'lost,new,lost' }, (lead) => ['new', 'lost'].includes(lead.status)],
    [{ active: true }, (lead) => lead.active],
    [{ active: false }, (lead) => !lead.active],
    [{ active: true, status: 'lost' }, () => false],
    [{ agentId: 'none' }, (lead) => lead.agent === null],
    [{ agentId: 'unknown' }, () => false],
    [{ contactId: 'unknown' }, () => false],
    ...channels.map((channel) => [{ channel }, (lead: LeadResource) => lead.channel === channel] as const),
    [{ channel: 'sms,email' }, (lead) => ['sms', 'email'].includes(lead.channel ?? '')],
    [{ origin: 'manual' }, (lead) => lead.origin.kind === 'manual'],
    [{ origin: 'chat,integration' }, (lead) => lead.origin.kind === 'chat'],
    [{ campaignId: 'none' }, () => false],
    [{ scored: true }, (lead) => lead.qualification.score !== null],
    [{ scored: false }, (lead) => lead.qualification.score === null],
    [{ scoreMin: 7 }, (lead) => (lead.qualification.score ?? -1) >= 7],
    [{ scoreMax: 7 }, (lead) => lead.qualification.score !== null && lead.qualification.score <= 7],
    [{ scoreMin: 0, scoreMax: 0 }, (lead) => lead.qualification.score === 0],
    [{ scoreMin: 8, scoreMax: 7 }, () => false],
    [{ createdFrom: timeAtHour(10) }, (lead) => lead.createdAt >= timeAtHour(10)],
    [{ createdTo: timeAtHour(10) }, (lead) => lead.createdAt < timeAtHour(10)],
    [
      { createdFrom: timeAtHour(10), createdTo: timeAtHour(20) },
      (lead) => lead.createdAt >= timeAtHour(10) && lead.createdAt < timeAtHour(20),
    ],
    [{ createdFrom: '2025-01-01T12:00:00+02:00' }, (lead) => lead.createdAt >= timeAtHour(10)],
    [{ updatedFrom: timeAtHour(30) }, (lead) => lead.updatedAt >= timeAtHour(30)],
    [{ updatedTo: timeAtHour(30) }, (lead) => lead.updatedAt < timeAtHour(30)],
    [
      { status: 'qualified', channel: 'sms', scored: true },
      (lead) => lead.status === 'qualified' && lead.channel === 'sms' && lead.qualification.score !== null,
    ],
    [{ q: 'ana' }, (lead) => /\bana\b/.test(normalized(lead.contact.name ?? ''))],
    [{ q: 'MULL an' }, (lead) => /muller/.test(normalized(lead.contact.name ?? ''))],
    [{ q: 'emil' }, (lead) => normalized(lead.contact.name ?? '').startsWith('emil')],
    [{ q: 'zola ÉMILE' }, (lead) => lead.contact.name === 'Émile Zola'],
    [{ q: '李' }, (lead) => lead.contact.name === '李雷'],
    [{ q: 'person' }, (lead) => lead.contact.email !== null],
    [{ q: 'example3.org' }, (lead) => lead.contact.email?.endsWith('@example3.org') ?? false],
    [{ q: '+49151000' }, (lead) => lead.contact.phone?.startsWith('+49151000') ?? false],
    [{ q: '000036' }, (lead) => lead.contact.phone?.endsWith('000036') ?? false],
    [{ q: 'nobodyhasthisname' }, () => false],
    [
      { q: 'ben', status: 'new', active: true },
      (lead) => normalized(lead.contact.name ?? '').startsWith('ben') && lead.status === 'new',
    ],
  ];

  test.each(cases)('the filter %j selects exactly the matching leads', async (query, matches) => {
    const matching = leads.filter(matches);
    expect(await listIds(query)).toEqual(sorted(matching, '-createdAt'));
    expect(await listIds({ ...query, sort: 'score', limit: 9 })).toEqual(sorted(matching, 'score'));
    expect((await app.get<LeadPage>('/v1/leads', { ...query, count: true, limit: 1 })).body.total).toBe(
      matching.length,
    );
  });

  test('most of the tested list filters match some lead', () => {
    expect(cases.filter(([, matches]) => leads.some(matches)).length).toBeGreaterThan(30);
  });

  test('the list of leads can be filtered by agent and by contact', async () => {
    for (const agentId of agents)
      expect(await listIds({ agentId })).toEqual(
        sorted(
          leads.filter((lead) => lead.agent?.id === agentId),
          '-createdAt',
        ),
      );
    const { id, contactId } = leads[5]!;
    expect(await listIds({ contactId })).toEqual([id]);
  });

  test.each([
    ['status', 'won', 'new, contacted'],
    ['status', '', 'new, contacted'],
    ['status', 'new,,lost', 'new, contacted'],
    ['active', 'yes', 'true, false'],
    ['channel', 'fax', 'whatsapp, sms'],
    ['origin', 'luck', 'manual'],
    ['scored', '1', 'true, false'],
    ['count', 'yes', 'true, false'],
    ['sort', 'age', 'createdAt, updatedAt, lastInteractionAt, score, name, status, nextFollowUpAt'],
    ['sort', '--score', 'createdAt'],
    ['sort', '', 'createdAt'],
    ['sort', 'score,name', 'createdAt'],
    ['scoreMin', '-1', '0 to 100'],
    ['scoreMin', 'high', '0 to 100'],
    ['scoreMax', '101', '0 to 100'],
    ['scoreMax', '7.5', '0 to 100'],
    ['limit', '0', '1 to 200'],
    ['limit', '201', '1 to 200'],
    ['limit', '-5', '1 to 200'],
    ['limit', '1.5', '1 to 200'],
    ['limit', 'ten', '1 to 200'],
    ['createdFrom', '2025-01-01', 'RFC 3339'],
    ['createdTo', '2025-01-01T00:00:00', 'RFC 3339'],
    ['updatedFrom', 'monday', 'RFC 3339'],
    ['updatedTo', '2025-02-29T00:00:00Z', 'RFC 3339'],
    ['agentId', '', '1 to 128'],
    ['contactId', 'x'.repeat(129), '1 to 128'],
    ['cursor', 'abc', 'nextCursor'],
  ])('the list of leads rejects %s=%s, naming the allowed values', async (name, value, allowed) => {
    const response = await app.get('/v1/leads', { [name]: value });
    expect(response).toMatchObject(invalid(name));
    expect(response.body.errors[0]!.message).toContain(allowed);
  });
});

describe('a cursor of the list of leads', () => {
  const getFirstPage = (query: QueryParams = {}) => app.get<LeadPage>('/v1/leads', { limit: 5, ...query });

  test('a cursor contains filters and sort, which may be omitted or repeated but not changed', async () => {
    const { nextCursor: cursor } = (await getFirstPage({ status: 'new', sort: 'name' })).body;
    const next = await app.get<LeadPage>('/v1/leads', { cursor, limit: 5 });
    expect(next.body.items.map((lead) => lead.id)).toEqual(
      sorted(
        leads.filter((lead) => lead.status === 'new'),
        'name',
      ).slice(5, 10),
    );
    expect((await app.get('/v1/leads', { cursor, limit: 5, status: 'new', sort: 'name' })).text).toBe(next.text);
    for (const [name, value] of [
      ['status', 'lost'],
      ['sort', '-name'],
      ['sort', 'score'],
      ['active', 'true'],
      ['q', 'ana'],
    ] as const)
      expect(await app.get('/v1/leads', { cursor, [name]: value })).toMatchObject(invalid(name));
  });

  test('a cursor allows another limit, count, after and wait', async () => {
    const { nextCursor: cursor } = (await getFirstPage()).body;
    const next = await app.get<LeadPage>('/v1/leads', { cursor, limit: 3, count: true, after, wait: 100 });
    expect(next.body.items.map((lead) => lead.id)).toEqual(sorted(leads, '-createdAt').slice(5, 8));
    expect(next.body.total).toBe(count);
  });

  test('nextCursor is null at the end, even if the last page is full', async () => {
    const status = 'converted';
    const matchingCount = leads.filter((lead) => lead.status === status).length;
    expect((await app.get<LeadPage>('/v1/leads', { status, limit: matchingCount })).body.nextCursor).toBeNull();
    expect((await app.get<LeadPage>('/v1/leads', { status, limit: matchingCount - 1 })).body.nextCursor).not.toBeNull();
    expect((await app.get<LeadPage>('/v1/leads', { q: 'nobodyhasthisname' })).body).toMatchObject({
      items: [],
      nextCursor: null,
    });
  });

  test('a cursor of another list is rejected', async () => {
    const { nextCursor: cursor } = (await getFirstPage({ status: 'new' })).body;
    expect(await app.get('/v1/agents', { cursor })).toMatchObject({ status: 422 });
  });
});

// The last test, because it adds leads to the list.
test('pages of leads have no gap or repetition of unchanged leads while other leads are added and changed', async () => {
  const seededIds = new Set(leads.map((lead) => lead.id));
  const changingIds = new Set(leads.filter((lead) => lead.active && lead.channel === 'sms').map((lead) => lead.id));
  const unchanged = leads.filter((lead) => !changingIds.has(lead.id));
  let stopped = false;
  const traffic = (async () => {
    for (let index = 0; !stopped; index++) {
      const lead = await openLead(app, { profile: { name: names[index % names.length] } });
      await postStatus(app, lead.id, 'qualified', { qualificationScore: index % 21 });
      const changed = [...changingIds][index % changingIds.size]!;
      await postStatus(app, changed, index % 2 ? 'new' : 'contacted', { qualificationScore: index % 101, note: 'x' });
      if (index % 5 === 0) await postFollowUp(app, changed);
      await postAssignment(app, lead.id, agents[index % 3]!);
    }
  })();
  try {
    for (const sort of ['-createdAt', 'createdAt', 'score', '-name', 'status', '-updatedAt', 'nextFollowUpAt'])
      for (const limit of [7, 40]) {
        const pagedIds = (await getAllItems<LeadResource>(app, '/v1/leads', { sort, limit }))
          .map((lead) => lead.id)
          .filter((id) => seededIds.has(id) && !changingIds.has(id));
        expect([sort, limit, pagedIds]).toEqual([sort, limit, sorted(unchanged, sort)]);
      }
  } finally {
    stopped = true;
    await traffic;
  }
});
