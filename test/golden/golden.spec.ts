import { describe, expect, it } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { agentDecider } from '#domain/agent/agent.decide';
import { bulkDecider } from '#domain/bulk/bulk.decide';
import { contactDecider } from '#domain/contact/contact.decide';
import { eventTypes, decodeEvent, currentSchemaVersion, UnreadableEvent } from '#domain/event-codec';
import type { StoredEvent } from '#domain/event-envelope';
import { generateGoldenEvents } from './golden-events.js';
import { describeShape } from './event-shape.js';

/*
 * Stored events of every shape that was ever released, one file each. They are never edited. A test fails here because a shape
 * changed? Then raise its version in libs/domain/door.ts, write the upcaster, and add a file for the new version.
 */

const files = readdirSync(import.meta.dirname).filter((file) => file.endsWith('.json'));
const golden = (file: string): StoredEvent[] =>
  JSON.parse(readFileSync(join(import.meta.dirname, file), 'utf8')) as StoredEvent[];
const fileOf = (type: string, version: number) => `${type}.v${version}.json`;
const newestOf = (type: (typeof eventTypes)[number]) => golden(fileOf(type, currentSchemaVersion(type)));

const place = { stream: 'contact-org-1-somebody', version: 7, position: 'p7' };

describe('Released shapes', () => {
  it('have a file each, for every type and version that the door knows; no file is of anything else', () => {
    const known = eventTypes.flatMap((type) =>
      Array.from({ length: currentSchemaVersion(type) }, (_, before) => fileOf(type, before + 1)),
    );
    expect(files.toSorted()).toStrictEqual(known.toSorted());
  });

  describe.each(files)('%s', (file) => {
    const [type = '', version = ''] = file.replace(/\.json$/, '').split('.v');

    it('holds events of its type and version, with ids of their own', () => {
      const events = golden(file);
      expect(events.length).toBeGreaterThan(0);
      expect(new Set(events.map((it) => it.id)).size).toBe(events.length);
      for (const event of events) {
        expect(event).toMatchObject({ type, v: Number(version) });
        expect(event.id).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
      }
    });

    it('still reads, as a shape of today', () => {
      const read = golden(file).map((event) => decodeEvent(event, place));
      const placed = newestOf(type as (typeof eventTypes)[number]).map((event) => ({ ...event, ...place }));
      const today = describeShape(placed);
      for (const [path, kinds] of Object.entries(describeShape(read)))
        expect({ path, kinds: today[path] }).toMatchObject({
          path,
          kinds: expect.arrayContaining([...kinds]) as unknown,
        });
      for (const event of read) expect(event).toMatchObject(place);
    });

    it('still folds, whatever came before', () => {
      for (const event of golden(file)) {
        const read = decodeEvent(event, place) as never;
        for (const state of [contactDecider.initialState, somebody()])
          expect(contactDecider.evolve(state, read)).toBeDefined();
        for (const state of [agentDecider.initialState, someAgent()])
          expect(agentDecider.evolve(state, read)).toBeDefined();
        for (const state of [bulkDecider.initialState, someBulk()])
          expect(bulkDecider.evolve(state, read)).toBeDefined();
      }
    });
  });

  const first = (type: string) => decodeEvent(golden(fileOf(type, 1))[0], place) as never;
  const somebody = () =>
    contactDecider.evolve(
      contactDecider.evolve(contactDecider.initialState, first('ContactRegistered')),
      first('LeadOpened'),
    );
  const someAgent = () => agentDecider.evolve(agentDecider.initialState, first('AgentRegistered'));

  const someBulk = () =>
    bulkDecider.evolve(bulkDecider.evolve(bulkDecider.initialState, first('BulkTargeted')), first('BulkRequested'));

  it('of today read as they are', () => {
    for (const event of eventTypes.flatMap(newestOf))
      expect(decodeEvent(event, place)).toStrictEqual({ ...event, ...place });
  });
});

describe('What is written today', () => {
  it('has the newest released shape of its type: the same keys, and the same kinds of values under them', async () => {
    const written = await generateGoldenEvents();
    expect([...new Set(written.map((it) => it.type))].toSorted()).toStrictEqual([...eventTypes].toSorted());
    for (const type of eventTypes) {
      const mine = written.filter((it) => it.type === type);
      expect({ type, shape: describeShape(mine) }).toStrictEqual({ type, shape: describeShape(newestOf(type)) });
    }
  });

  it('would not pass with a key more, a key less, another kind of value, or null where none was', () => {
    const [event] = newestOf('LeadAssigned');
    const data = event?.data as { leadId: string };
    const { leadId, ...less } = data;
    const shape = (changed: object) => describeShape([{ ...event, data: changed }]);
    for (const changed of [{ ...data, more: 1 }, less, { ...data, leadId: 1 }, { ...data, leadId: null }])
      expect(shape(changed)).not.toStrictEqual(shape(data));
    expect(shape({ ...less, leadId: `${leadId}0` })).toStrictEqual(shape(data));
  });
});

describe('An event that can not be read', () => {
  const [sample] = golden('LeadOpened.v1.json') as [StoredEvent];
  const refusal = (json: unknown): UnreadableEvent => {
    try {
      decodeEvent(json, place);
    } catch (error) {
      if (error instanceof UnreadableEvent) return error;
      throw error;
    }
    throw new Error(`was read: ${JSON.stringify(json)}`);
  };
  const withMeta = (meta: object) => ({ ...sample, meta: { ...sample.meta, ...meta } });
  const without = (part: string, from: object): object =>
    Object.fromEntries(Object.entries(from).filter(([key]) => key !== part));

  it('is refused with its id, its place and the reason', () => {
    const error = refusal({ ...sample, type: 'LeadTeleported' });
    expect(error).toMatchObject({ name: 'UnreadableEvent', eventId: sample.id, location: place });
    expect(error.reason).toContain('LeadTeleported');
    for (const words of [sample.id, 'contact-org-1-somebody@7', error.reason]) expect(error.message).toContain(words);
  });

  it.each(['LeadTeleported', '', '__proto__', 'constructor', 'toString', 'hasOwnProperty', 'leadopened'])(
    'is one of an unknown type: %j',
    (type) => expect(refusal({ ...sample, type }).reason).toContain('type'),
  );

  it.each([0, -1, 1.5, currentSchemaVersion('LeadOpened') + 1, NaN, '1', null, undefined, [1], true])(
    'is one of an unknown version: %j',
    (v) => expect(refusal({ ...sample, v }).reason).toContain('version'),
  );

  it('is what is no event at all', () => {
    for (const json of [null, undefined, 'LeadOpened', JSON.stringify(sample), '', 0, 1, true, [], [sample], {}])
      expect(refusal(json)).toMatchObject({
        eventId: null,
        location: place,
        message: expect.stringContaining('(without id)'),
      });
  });

  it.each(['id', 'type', 'org', 'data', 'meta'])('is one without %s', (part) => {
    expect(refusal(without(part, sample)).reason).toContain('envelope');
    for (const wrong of [null, 7, [], [sample]])
      expect(refusal({ ...sample, [part]: wrong }).reason).toContain('envelope');
  });

  it.each(['actor', 'correlation', 'causation', 'commandId', 'occurredAt', 'recordedAt'])(
    'is one that does not say its %s',
    (part) => {
      expect(refusal({ ...sample, meta: without(part, sample.meta) }).reason).toContain('envelope');
      for (const wrong of [null, 7, [], {}]) expect(refusal(withMeta({ [part]: wrong })).reason).toContain('envelope');
    },
  );

  it.each(['type', 'id'])('is one whose actor has no %s', (part) =>
    expect(refusal(withMeta({ actor: without(part, sample.meta.actor) })).reason).toContain('envelope'),
  );

  it.each(eventTypes)('is a %s whose personal part is missing, if it has one', (type) => {
    const [event] = newestOf(type);
    if (!event) throw new Error(`no golden ${type}`);
    const bare = without('personal', event);
    if (!('personal' in event)) return expect(decodeEvent(bare, place)).toMatchObject({ type });
    for (const json of [bare, { ...bare, personal: null }, { ...bare, personal: [] }, { ...bare, personal: 'x' }])
      expect(refusal(json).reason).toContain('personal');
  });

  it('is one that hides behind a prototype, which stays what it was', () => {
    expect(refusal(JSON.parse(`{"__proto__": ${JSON.stringify(sample)}}`)).reason).toContain('envelope');
    const poisoned = JSON.stringify(sample).replace(
      '"data":{',
      '"__proto__":{"org":"org-2"},"data":{"__proto__":{"active":false},',
    );
    expect(decodeEvent(JSON.parse(poisoned), place)).toMatchObject({ org: sample.org, ...place });
    expect(({} as { active?: boolean }).active).toBeUndefined();
  });

  it('is not taken for where it says it is, but for where it was found', () => {
    const lying = { ...sample, stream: 'elsewhere', version: 1, position: 'p1' };
    expect(decodeEvent(lying, place)).toMatchObject(place);
  });
});
