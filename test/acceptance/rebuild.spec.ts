import { expect, test } from '@jest/globals';
import type { ShownLead } from '#domain/lead/lead.shown';
import { anApp } from '../support/app.js';
import {
  allLeads,
  anAgent,
  assign,
  closedLead,
  done,
  followUp,
  openLead,
  setStatus,
  writes,
} from '../support/story.js';

const app = anApp({ QUALIFICATION: 'off' });

/** What every page says, to the byte. */
async function everything(leads: readonly ShownLead[], after: string): Promise<Record<string, string>> {
  const told: Record<string, string> = {};
  const read = async (path: string): Promise<void> => {
    const { status, text } = await app.get(path, { after });
    expect([path, status]).toEqual([path, 200]);
    told[path] = text;
  };
  for (const sort of ['createdAt', 'updatedAt', 'lastInteractionAt', 'score', 'name', 'status', 'nextFollowUpAt'])
    for (const order of ['', '-']) await read(`/v1/leads?limit=200&count=true&sort=${order}${sort}`);
  for (const filter of [
    'q=ana',
    'q=4915',
    'active=true',
    'status=lost,new',
    'agentId=none',
    'channel=email',
    'scored=true',
  ])
    await read(`/v1/leads?count=true&${filter}`);
  for (const { id, contactId } of leads)
    for (const path of [
      `/v1/leads/${id}`,
      `/v1/leads/${id}/history?limit=200`,
      `/v1/contacts/${contactId}/history?order=asc`,
    ])
      await read(path);
  await read('/v1/agents?limit=200');
  await read('/v1/follow-ups?limit=200');
  return told;
}

test('views that were wiped come back the very same, byte for byte', async () => {
  const [ana, ben] = [await anAgent(app, { name: 'Ana' }), await anAgent(app, { name: 'Ben' })];
  for (let nth = 0; nth < 30; nth++) {
    const lead = await openLead(app, {
      channel: nth % 3 ? 'sms' : 'email',
      profile: { name: `Ana ${nth}`, phone: `+4915${nth}` },
    });
    if (nth % 2) await assign(app, lead.id, nth % 4 === 1 ? ana.id : ben.id);
    if (nth % 3) await followUp(app, lead.id);
    if (nth % 4) done(await app.post(`/v1/leads/${lead.id}/qualification`, { score: nth, model: 'm' }));
    if (nth % 5) await setStatus(app, lead.id, nth % 10 ? 'qualified' : 'lost', { note: 'x', qualificationScore: nth });
    if (nth % 5 === 0) await writes(app, { contactId: lead.contactId, profile: { name: `Anna ${nth}` } });
  }
  const closed = await closedLead(app);
  await writes(app, { contactId: closed.contactId, occurredAt: closed.createdAt });
  done(await app.patch(`/v1/agents/${ben.id}`, { name: 'Benjamin' }));
  const { position } = await writes(app, { contactId: closed.contactId, profile: { email: 'new@example.org' } });

  const leads = await allLeads(app, { after: position });
  expect(leads).toHaveLength(32);
  const before = await everything(leads, position);
  for (let times = 0; times < 2; times++) {
    await app.stop();
    await app.wipeViews();
    await app.start();
    expect(await everything(leads, position)).toEqual(before);
  }
});

test('a restart without a wipe changes nothing either', async () => {
  const { position } = await writes(app);
  const leads = await allLeads(app, { after: position });
  const before = await everything(leads, position);
  await app.kill();
  await app.start();
  expect(await everything(leads, position)).toEqual(before);
});
