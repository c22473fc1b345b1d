import { beforeAll, describe, expect, test } from '@jest/globals';
import type { LeadResource } from '#domain/lead/lead.shown';
import { invalid } from '../support/expected-responses.js';
import { setupApp, type LeadPage, type QueryParams } from '../support/app.js';
import {
  getAllItems,
  getAllLeads,
  postAgent,
  postAssignment,
  expectSuccess,
  postFollowUp,
  openLead,
  postStatus,
  uniqueId,
  postInteraction,
} from '../support/api-steps.js';

// The app's own scorer would change leads while they are listed.
const app = setupApp({ QUALIFICATION: 'off' });

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
const time = (index: number): string => new Date(Date.UTC(2025, 0, 1) + index * 3_600_000).toISOString();

/** All leads, as the answers to single reads tell them. */
const leads: LeadResource[] = [];
let agents: string[] = [];
/** Its leads stay as they are; anything later is this much after them. */
let after = '';

/** Every value that a sort knows occurs many times over, and not at all on some leads. */
async function seed(index: number): Promise<string> {
  const at = (hours: number) => ({ 'x-occurred-at': time((index % 60) + hours) });
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
    ids.push(...(await Promise.all(Array.from({ length: 20 }, (_, index) => seed(from + index)))));
  after = (await anAgentAfter()).position;
  for (let from = 0; from < count; from += 20)
    leads.push(
      ...(await Promise.all(
        ids.slice(from, from + 20).map(async (id) => (await app.get<LeadResource>(`/v1/leads/${id}`, { after })).body),
      )),
    );
});
const anAgentAfter = async () => expectSuccess(await app.post('/v1/agents', { name: 'Last' }));

const folded = (name: string): string =>
  name
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '')
    .toLowerCase();
const sorts: Readonly<Record<string, (lead: LeadResource) => string | number | null>> = {
  createdAt: (lead) => lead.createdAt,
  updatedAt: (lead) => lead.updatedAt,
  lastInteractionAt: (lead) => lead.lastInteractionAt,
  score: (lead) => lead.qualification.score,
  name: (lead) => (lead.contact.name === null ? null : folded(lead.contact.name)),
  status: (lead) => statuses.indexOf(lead.status),
  nextFollowUpAt: (lead) => lead.followUps.nextDueAt,
};
/** What the contract says of order, said once more in the plainest way. */
const sorted = (of: readonly LeadResource[], sort: string): string[] => {
  const descending = sort.startsWith('-');
  const key = sorts[sort.replace('-', '')]!;
  const way = descending ? -1 : 1;
  return of
    .toSorted((a, b) => {
      const [x, y] = [key(a), key(b)];
      if (x === null || y === null) return x === y ? way * compare(a.id, b.id) : x === null ? 1 : -1;
      return way * (compare(x, y) || compare(a.id, b.id));
    })
    .map((lead) => lead.id);
};
/** By code points, as bytes of UTF-8 sort. */
const compare = (a: string | number, b: string | number): number =>
  typeof a === 'string' && typeof b === 'string'
    ? Buffer.compare(Buffer.from(a), Buffer.from(b))
    : Number(a) - Number(b);

const listed = async (query: QueryParams = {}): Promise<string[]> => (await getAllLeads(app, query)).map((lead) => lead.id);

describe('a list', () => {
  test('is newest first unless asked otherwise, 50 to a page', async () => {
    const { body } = await app.get<LeadPage>('/v1/leads');
    expect(body.items.map((lead) => lead.id)).toEqual(sorted(leads, '-createdAt').slice(0, 50));
    expect(body.nextCursor).not.toBeNull();
    expect(body).not.toHaveProperty('total');
  });

  test('shows each lead as it is read by itself', async () => {
    const all = await getAllLeads(app);
    expect(all.toSorted((a, b) => compare(a.id, b.id))).toEqual(leads.toSorted((a, b) => compare(a.id, b.id)));
  });

  describe.each(Object.keys(sorts).flatMap((sort) => [sort, `-${sort}`]))('sorted by %s', (sort) => {
    test('has nulls last, ties by id in the same direction', async () => {
      expect(await listed({ sort })).toEqual(sorted(leads, sort));
    });

    test.each([1, 7, 50, 199])('goes on from page to page without gap or repeat, %d at a time', async (limit) => {
      // One at a time is slow: a filter keeps it short, and goes along with the sort.
      const filter = limit === 1 ? { channel: 'sms' } : {};
      const expected = sorted(limit === 1 ? leads.filter((lead) => lead.channel === 'sms') : leads, sort);
      expect(await listed({ sort, limit, ...filter })).toEqual(expected);
    });

    test('keeps to active leads when asked', async () => {
      const active = leads.filter((lead) => lead.active);
      expect(await listed({ sort, active: true, limit: 30 })).toEqual(sorted(active, sort));
    });
  });
});

describe('a filter', () => {
  const cases: readonly (readonly [QueryParams, (lead: LeadResource) => boolean])[] = [
    ...statuses.map((status) => [{ status }, (lead: LeadResource) => lead.status === status] as const),
    [{ status: 'new,lost' }, (lead) => ['new', 'lost'].includes(lead.status)],
    [{ status: 'lost,new,lost' }, (lead) => ['new', 'lost'].includes(lead.status)],
    [{ active: true }, (lead) => lead.active],
    [{ active: false }, (lead) => !lead.active],
    [{ active: true, status: 'lost' }, () => false],
    [{ agentId: 'none' }, (lead) => lead.agent === null],
    [{ agentId: 'nobody' }, () => false],
    [{ contactId: 'nobody' }, () => false],
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
    [{ createdFrom: time(10) }, (lead) => lead.createdAt >= time(10)],
    [{ createdTo: time(10) }, (lead) => lead.createdAt < time(10)],
    [{ createdFrom: time(10), createdTo: time(20) }, (lead) => lead.createdAt >= time(10) && lead.createdAt < time(20)],
    [{ createdFrom: '2025-01-01T12:00:00+02:00' }, (lead) => lead.createdAt >= time(10)],
    [{ updatedFrom: time(30) }, (lead) => lead.updatedAt >= time(30)],
    [{ updatedTo: time(30) }, (lead) => lead.updatedAt < time(30)],
    [
      { status: 'qualified', channel: 'sms', scored: true },
      (lead) => lead.status === 'qualified' && lead.channel === 'sms' && lead.qualification.score !== null,
    ],
    [{ q: 'ana' }, (lead) => /\bana\b/.test(folded(lead.contact.name ?? ''))],
    [{ q: 'MULL an' }, (lead) => /muller/.test(folded(lead.contact.name ?? ''))],
    [{ q: 'emil' }, (lead) => folded(lead.contact.name ?? '').startsWith('emil')],
    [{ q: 'zola ÉMILE' }, (lead) => lead.contact.name === 'Émile Zola'],
    [{ q: '李' }, (lead) => lead.contact.name === '李雷'],
    [{ q: 'person' }, (lead) => lead.contact.email !== null],
    [{ q: 'example3.org' }, (lead) => lead.contact.email?.endsWith('@example3.org') ?? false],
    [{ q: '+49151000' }, (lead) => lead.contact.phone?.startsWith('+49151000') ?? false],
    [{ q: '000036' }, (lead) => lead.contact.phone?.endsWith('000036') ?? false],
    [{ q: 'nobodyhasthisname' }, () => false],
    [
      { q: 'ben', status: 'new', active: true },
      (lead) => folded(lead.contact.name ?? '').startsWith('ben') && lead.status === 'new',
    ],
  ];

  test.each(cases)('%j keeps just those', async (query, keeps) => {
    const kept = leads.filter(keeps);
    expect(await listed(query)).toEqual(sorted(kept, '-createdAt'));
    expect(await listed({ ...query, sort: 'score', limit: 9 })).toEqual(sorted(kept, 'score'));
    expect((await app.get<LeadPage>('/v1/leads', { ...query, count: true, limit: 1 })).body.total).toBe(kept.length);
  });

  test('finds something, as a rule', () => {
    expect(cases.filter(([, keeps]) => leads.some(keeps)).length).toBeGreaterThan(30);
  });

  test('by agent and by contact', async () => {
    for (const agentId of agents)
      expect(await listed({ agentId })).toEqual(
        sorted(
          leads.filter((lead) => lead.agent?.id === agentId),
          '-createdAt',
        ),
      );
    const { id, contactId } = leads[5]!;
    expect(await listed({ contactId })).toEqual([id]);
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
  ])('%s=%s is refused, and the allowed values are told', async (name, value, allowed) => {
    const response = await app.get('/v1/leads', { [name]: value });
    expect(response).toMatchObject(invalid(name));
    expect(response.body.errors[0]!.message).toContain(allowed);
  });
});

describe('a cursor', () => {
  const first = (query: QueryParams = {}) => app.get<LeadPage>('/v1/leads', { limit: 5, ...query });

  test('pins filters and sort: they may be left out or said again, not changed', async () => {
    const { nextCursor: cursor } = (await first({ status: 'new', sort: 'name' })).body;
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

  test('leaves limit, count and freshness free', async () => {
    const { nextCursor: cursor } = (await first()).body;
    const next = await app.get<LeadPage>('/v1/leads', { cursor, limit: 3, count: true, after, wait: 100 });
    expect(next.body.items.map((lead) => lead.id)).toEqual(sorted(leads, '-createdAt').slice(5, 8));
    expect(next.body.total).toBe(count);
  });

  test('is null at the end, also when the last page is full', async () => {
    const status = 'converted';
    const many = leads.filter((lead) => lead.status === status).length;
    expect((await app.get<LeadPage>('/v1/leads', { status, limit: many })).body.nextCursor).toBeNull();
    expect((await app.get<LeadPage>('/v1/leads', { status, limit: many - 1 })).body.nextCursor).not.toBeNull();
    expect((await app.get<LeadPage>('/v1/leads', { q: 'nobodyhasthisname' })).body).toMatchObject({
      items: [],
      nextCursor: null,
    });
  });

  test('of another list is refused', async () => {
    const { nextCursor: cursor } = (await first({ status: 'new' })).body;
    expect(await app.get('/v1/agents', { cursor })).toMatchObject({ status: 422 });
  });
});

// Last, since it adds to the list.
test('pages go on without gap or repeat for rows that did not change, while others come and change', async () => {
  const known = new Set(leads.map((lead) => lead.id));
  const changing = new Set(leads.filter((lead) => lead.active && lead.channel === 'sms').map((lead) => lead.id));
  const still = leads.filter((lead) => !changing.has(lead.id));
  let stopped = false;
  const traffic = (async () => {
    for (let index = 0; !stopped; index++) {
      const lead = await openLead(app, { profile: { name: names[index % names.length] } });
      await postStatus(app, lead.id, 'qualified', { qualificationScore: index % 21 });
      const changed = [...changing][index % changing.size]!;
      await postStatus(app, changed, index % 2 ? 'new' : 'contacted', { qualificationScore: index % 101, note: 'x' });
      if (index % 5 === 0) await postFollowUp(app, changed);
      await postAssignment(app, lead.id, agents[index % 3]!);
    }
  })();
  try {
    for (const sort of ['-createdAt', 'createdAt', 'score', '-name', 'status', '-updatedAt', 'nextFollowUpAt'])
      for (const limit of [7, 40]) {
        const walked = (await getAllItems<LeadResource>(app, '/v1/leads', { sort, limit }))
          .map((lead) => lead.id)
          .filter((id) => known.has(id) && !changing.has(id));
        expect([sort, limit, walked]).toEqual([sort, limit, sorted(still, sort)]);
      }
  } finally {
    stopped = true;
    await traffic;
  }
});
