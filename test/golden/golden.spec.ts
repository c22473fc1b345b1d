import { describe, expect, it } from '@jest/globals';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EventType, RecordedEvent } from '#domain/event';
import { currentSchemaVersion, decodeEvent, eventTypes, UnreadableEvent } from '#domain/event-codec';
import type { StoredEvent } from '#domain/event-envelope';
import { describeShape } from './event-shape.js';
import { generateGoldenEvents } from './golden-events.js';
import { expectedState, foldOntoItsStream, foldsWithoutEffect, type Example } from './golden-folds.js';

/*
 * Stored events of every schema that was ever released, one file each. The files never change. If a test fails here because a schema
 * has changed: raise its version in libs/domain/event-codec.ts, write an upcaster, and add a file for the new version with
 * `npm run golden`. See docs/guides/add-an-event-version.md.
 */

if (process.env['GOLDEN_FILES'] === 'write') await writeMissingFiles();

const files = readdirSync(import.meta.dirname).filter((file) => file.endsWith('.json'));
const readGolden = (file: string): StoredEvent[] =>
  JSON.parse(readFileSync(join(import.meta.dirname, file), 'utf8')) as StoredEvent[];
const fileOf = (type: string, version: number) => `${type}.v${version}.json`;
const newestOf = (type: EventType) => readGolden(fileOf(type, currentSchemaVersion(type)));

/** Writes the events of schemas that have no file yet. A file that exists is never changed. */
async function writeMissingFiles(): Promise<void> {
  const written = await generateGoldenEvents();
  for (const type of new Set(written.map((event) => event.type as EventType))) {
    const file = join(import.meta.dirname, `${type}.v${currentSchemaVersion(type)}.json`);
    const events = written.filter((event) => event.type === type);
    if (!existsSync(file)) writeFileSync(file, `${JSON.stringify(events, null, 2)}\n`);
  }
}

const location = { stream: 'contact-org-1-somebody', version: 7, position: 'p7' };
const example: Example = (type, data) => {
  const event = decodeEvent(newestOf(type)[0], location);
  return { ...event, data: { ...event.data, ...data } } as RecordedEvent<typeof type>;
};

describe('Released schemas', () => {
  it('every type and version that the codec knows has a golden file, and there are no other files', () => {
    const known = eventTypes.flatMap((type) =>
      Array.from({ length: currentSchemaVersion(type) }, (_, index) => fileOf(type, index + 1)),
    );
    expect(files.toSorted()).toStrictEqual(known.toSorted());
  });

  describe.each(files)('%s', (file) => {
    const [type = '', version = ''] = file.replace(/\.json$/, '').split('.v');

    it(`${file} contains events of its type and version with unique ids`, () => {
      const events = readGolden(file);
      expect(events.length).toBeGreaterThan(0);
      expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);
      for (const event of events) {
        expect(event).toMatchObject({ type, v: Number(version) });
        expect(event.id).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
      }
    });

    it(`${file} is decoded to the current schema`, () => {
      const decoded = readGolden(file).map((event) => decodeEvent(event, location));
      const current = describeShape(newestOf(type as EventType).map((event) => ({ ...event, ...location })));
      for (const [path, kinds] of Object.entries(describeShape(decoded)))
        expect({ path, kinds: current[path] }).toMatchObject({
          path,
          kinds: expect.arrayContaining([...kinds]) as unknown,
        });
      for (const event of decoded) expect(event).toMatchObject(location);
    });

    it(`${file} sets the expected fields in the state of its stream`, () => {
      for (const stored of readGolden(file)) {
        const event = decodeEvent(stored, location);
        const { before, after } = foldOntoItsStream(event, example);
        expect(after).toMatchObject(expectedState(event));
        expect(after).not.toEqual(before);
      }
    });

    it(`${file} changes no state of another stream, and no initial state unless it is a first event`, () => {
      for (const stored of readGolden(file)) {
        const folds = foldsWithoutEffect(decodeEvent(stored, location), example);
        expect(folds.length).toBeGreaterThan(0);
        for (const { before, after } of folds) expect(after).toBe(before);
      }
    });
  });

  it('events with the current schema are decoded unchanged', () => {
    for (const event of eventTypes.flatMap(newestOf))
      expect(decodeEvent(event, location)).toStrictEqual({ ...event, ...location });
  });
});

describe('Events that are written now', () => {
  it('new events have the newest released schema of their type: the same keys and kinds of values', async () => {
    const written = await generateGoldenEvents();
    expect([...new Set(written.map(({ type }) => type))].toSorted()).toStrictEqual([...eventTypes].toSorted());
    for (const type of eventTypes) {
      const ofType = written.filter((event) => event.type === type);
      expect({ type, shape: describeShape(ofType) }).toStrictEqual({ type, shape: describeShape(newestOf(type)) });
    }
  });

  it('an added key, a missing key, another kind of value or an unexpected null changes the shape of events', () => {
    const [event] = newestOf('LeadAssigned');
    const data = event?.data as { leadId: string };
    const { leadId, ...less } = data;
    const shape = (changed: object) => describeShape([{ ...event, data: changed }]);
    for (const changed of [{ ...data, more: 1 }, less, { ...data, leadId: 1 }, { ...data, leadId: null }])
      expect(shape(changed)).not.toStrictEqual(shape(data));
    expect(shape({ ...less, leadId: `${leadId}0` })).toStrictEqual(shape(data));
  });
});

describe('Events that cannot be decoded', () => {
  const [sample] = readGolden('LeadOpened.v1.json') as [StoredEvent];
  const decodingError = (json: unknown): UnreadableEvent => {
    try {
      decodeEvent(json, location);
    } catch (error) {
      if (error instanceof UnreadableEvent) return error;
      throw error;
    }
    throw new Error(`was decoded: ${JSON.stringify(json)}`);
  };
  const withMeta = (meta: object) => ({ ...sample, meta: { ...sample.meta, ...meta } });
  const without = (part: string, from: object): object =>
    Object.fromEntries(Object.entries(from).filter(([key]) => key !== part));

  it('the error for an event that cannot be decoded names the event, its location and the reason', () => {
    const error = decodingError({ ...sample, type: 'LeadTeleported' });
    expect(error).toMatchObject({ name: 'UnreadableEvent', eventId: sample.id, location: location });
    expect(error.reason).toContain('LeadTeleported');
    for (const words of [sample.id, 'contact-org-1-somebody@7', error.reason]) expect(error.message).toContain(words);
  });

  it.each(['LeadTeleported', '', '__proto__', 'constructor', 'toString', 'hasOwnProperty', 'leadopened'])(
    'rejects an event of the unknown type %j',
    (type) => expect(decodingError({ ...sample, type }).reason).toContain('type'),
  );

  it.each([0, -1, 1.5, currentSchemaVersion('LeadOpened') + 1, NaN, '1', null, undefined, [1], true])(
    'rejects an event of the unknown version %j',
    (v) => expect(decodingError({ ...sample, v }).reason).toContain('version'),
  );

  it('rejects JSON that is not an event', () => {
    for (const json of [null, undefined, 'LeadOpened', JSON.stringify(sample), '', 0, 1, true, [], [sample], {}])
      expect(decodingError(json)).toMatchObject({
        eventId: null,
        location: location,
        message: expect.stringContaining('(without id)'),
      });
  });

  it.each(['id', 'type', 'org', 'data', 'meta'])('rejects an event without %s', (part) => {
    expect(decodingError(without(part, sample)).reason).toContain('envelope');
    for (const wrong of [null, 7, [], [sample]])
      expect(decodingError({ ...sample, [part]: wrong }).reason).toContain('envelope');
  });

  it.each(['actor', 'correlation', 'causation', 'commandId', 'occurredAt', 'recordedAt'])(
    'rejects an event whose metadata has no %s',
    (part) => {
      expect(decodingError({ ...sample, meta: without(part, sample.meta) }).reason).toContain('envelope');
      for (const wrong of [null, 7, [], {}])
        expect(decodingError(withMeta({ [part]: wrong })).reason).toContain('envelope');
    },
  );

  it.each(['type', 'id'])('rejects an event whose actor has no %s', (part) =>
    expect(decodingError(withMeta({ actor: without(part, sample.meta.actor) })).reason).toContain('envelope'),
  );

  it.each(eventTypes)('rejects a %s without its personal part, if the type has one', (type) => {
    const [event] = newestOf(type);
    if (!event) throw new Error(`no golden ${type}`);
    const bare = without('personal', event);
    if (!('personal' in event)) return expect(decodeEvent(bare, location)).toMatchObject({ type });
    for (const json of [bare, { ...bare, personal: null }, { ...bare, personal: [] }, { ...bare, personal: 'x' }])
      expect(decodingError(json).reason).toContain('personal');
  });

  it('decoding an event cannot change a prototype', () => {
    expect(decodingError(JSON.parse(`{"__proto__": ${JSON.stringify(sample)}}`)).reason).toContain('envelope');
    const poisoned = JSON.stringify(sample).replace(
      '"data":{',
      '"__proto__":{"org":"org-2"},"data":{"__proto__":{"active":false},',
    );
    expect(decodeEvent(JSON.parse(poisoned), location)).toMatchObject({ org: sample.org, ...location });
    expect(({} as { active?: boolean }).active).toBeUndefined();
  });

  it('the location of an event comes from the store, not from the event', () => {
    const withOtherLocation = { ...sample, stream: 'elsewhere', version: 1, position: 'p1' };
    expect(decodeEvent(withOtherLocation, location)).toMatchObject(location);
  });
});
