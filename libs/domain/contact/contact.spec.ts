import { describe, expect, it } from '@jest/globals';
import type { NewEvent } from '#domain/event-envelope';
import type { RecordedEvent } from '#domain/event';
import type { Origin } from '#domain/lead/lead.vocabulary';
import {
  addressedId,
  aiResult,
  agentActor,
  archived,
  at,
  broadcast,
  by,
  secondInteraction,
  campaign,
  changeStatus,
  closeAsLost,
  contactKey,
  converted,
  createFollowUp,
  createLead,
  gateway,
  given,
  interaction,
  interactionId,
  foldedLead,
  leadId,
  lost,
  opened,
  outbound,
  remind,
  reschedule,
  sentAt,
  time,
} from '#test/support/given-when-then';
import type { ContactEvent } from './contact.events.js';
import type { Profile } from '../vocabulary.js';
import { evolveContact, unknownContact, type Contact } from './contact.state.js';

type Of<T extends ContactEvent['type']> = Extract<NewEvent<ContactEvent>, { type: T }>;

const nobody: Profile = { name: null, phone: null, email: null };
const one: Profile = { name: 'Contact One', phone: '+15550100', email: 'one@example.test' };
const unattributed = { attribution: 'none', broadcastId: null } as const;
const exact = { attribution: 'exact', broadcastId: 'b-1' } as const;
const window = { attribution: 'window', broadcastId: 'b-1' } as const;

const registered = (profile: Profile = nobody): Of<'ContactRegistered'> => ({
  type: 'ContactRegistered',
  data: { contactKey },
  personal: { contactId: 'contact-1', ...profile },
});

const origin = (of: Partial<Origin> = {}): Origin => ({
  kind: 'chat',
  attribution: 'none',
  broadcastId: null,
  campaign: null,
  interactionId: interactionId('m-1'),
  ...of,
});

const leadOpened = (
  ordinal: number,
  data: Partial<Of<'LeadOpened'>['data']> = {},
  personal: Partial<Of<'LeadOpened'>['personal']> = {},
): Of<'LeadOpened'> => ({
  type: 'LeadOpened',
  data: {
    leadId: leadId(ordinal),
    contactKey,
    ordinal,
    previousLeadId: ordinal === 1 ? null : leadId(ordinal - 1),
    channel: 'whatsapp',
    origin: origin({ interactionId: interactionId(`m-${ordinal}`) }),
    ...data,
  },
  personal: { contactId: 'contact-1', ...nobody, note: null, ...personal },
});

const interactionRecorded = (
  on: number,
  messageId: string,
  data: Partial<Of<'InteractionRecorded'>['data']> = {},
  occurredAt = time('12:00'),
): Of<'InteractionRecorded'> => ({
  type: 'InteractionRecorded',
  id: interactionId(messageId, data.channel),
  occurredAt,
  data: {
    leadId: leadId(on),
    channel: 'whatsapp',
    kind: 'chat',
    messageId,
    receivedAt: time('12:00'),
    inReplyTo: null,
    ...unattributed,
    late: false,
    ...data,
  },
  personal: { text: 'Hello', media: null, integration: null },
});

const optedOut = (data: Partial<Of<'ContactOptedOut'>['data']>, text: string): Of<'ContactOptedOut'> => ({
  type: 'ContactOptedOut',
  id: interactionId('m-1'),
  occurredAt: time('12:00'),
  data: { contactKey, channel: 'whatsapp', kind: 'chat', messageId: 'm-1', receivedAt: time('12:00'), ...data },
  personal: { text },
});

const nextMessage = { ...interaction(), messageId: 'm-2' };

describe('Contacts and leads', () => {
  it("opens a lead with a contact's first interaction", () =>
    given().when(opened).then(registered(), leadOpened(1), interactionRecorded(1, 'm-1')));

  it.each(['chat', 'integration', 'broadcast_reply'] as const)('counts a %s as an interaction', (kind) =>
    given()
      .when(interaction({ kind }))
      .then(registered(), leadOpened(1, { origin: origin({ kind }) }), interactionRecorded(1, 'm-1', { kind })),
  );

  it('keeps what came with the interaction: text, media and the form', () => {
    const [media, integration] = [{ url: 'https://files.example.test/1' }, { form: 'demo', fields: { seats: 3 } }];
    given(opened)
      .when({ ...nextMessage, kind: 'integration', text: null, media, integration })
      .then({
        ...interactionRecorded(1, 'm-2', { kind: 'integration' }),
        personal: { text: null, media, integration },
      });
  });

  it('records an interaction on the active lead, on whatever channel it comes', () => {
    given(opened).when(nextMessage).then(interactionRecorded(1, 'm-2'));
    given(opened)
      .when({ ...nextMessage, channel: 'sms' })
      .then(interactionRecorded(1, 'm-2', { channel: 'sms' }));
  });

  it.each([converted, lost, archived])('opens the next lead after one was $status, and reopens none', (closed) =>
    given(opened, closed).when(nextMessage).then(leadOpened(2), interactionRecorded(2, 'm-2')),
  );

  it('counts the leads of a contact and links each to the one before', () =>
    given(opened, lost, secondInteraction, closeAsLost(2))
      .when(interaction({ messageId: 'm-3' }))
      .then(leadOpened(3), interactionRecorded(3, 'm-3')));

  it("gives a lead the command's time, not that of its first interaction", () => {
    const sentence = given(at('12:00', interaction({ occurredAt: sentAt('08:00:00') })));
    expect(foldedLead(sentence)).toMatchObject({ createdAt: time('12:00'), lastInteractionAt: time('08:00') });
  });

  describe('made by hand', () => {
    const byHand = (of: Partial<Origin> = {}) => origin({ kind: 'manual', interactionId: null, ...of });

    it('opens a lead for a contact that has none', () =>
      given()
        .when(createLead({ note: 'Met at the fair', profile: one }))
        .then(
          registered(one),
          leadOpened(1, { channel: null, origin: byHand() }, { ...one, note: 'Met at the fair' }),
        ));

    it('takes a channel and an integration as its origin', () =>
      given()
        .when(createLead({ channel: 'email', origin: 'integration' }))
        .then(registered(), leadOpened(1, { channel: 'email', origin: byHand({ kind: 'integration' }) })));

    it('opens the next lead when the last one is closed', () =>
      given(opened, lost)
        .when(createLead())
        .then(leadOpened(2, { channel: null, origin: byHand() })));

    it('is refused while the contact has an active lead, and names it', () => {
      given(opened)
        .when(createLead())
        .thenRefused('active_lead_exists', { activeLeadId: leadId(1) });
      given(opened, lost, secondInteraction)
        .when(createLead())
        .thenRefused('active_lead_exists', { activeLeadId: leadId(2) });
    });

    it('takes the channel of its first interaction when it has none', () =>
      expect(foldedLead(given(createLead(), interaction({ channel: 'sms' }))).channel).toBe('sms'));
  });

  describe('the profile', () => {
    const changed = (leads: number, from: Profile, to: Profile, fields: (keyof Profile)[]) =>
      ({
        type: 'ContactProfileChanged',
        data: { contactKey, leads, changed: fields },
        personal: { from, to },
      }) as const;
    const known = interaction({ profile: one });

    it('is kept when the contact becomes known', () =>
      given()
        .when(known)
        .then(registered(one), leadOpened(1, {}, one), interactionRecorded(1, 'm-1')));

    it('changes with what a later interaction brings; what is left out stays', () =>
      given(known)
        .when({ ...nextMessage, profile: { phone: '+15550199' } })
        .then(changed(1, one, { ...one, phone: '+15550199' }, ['phone']), interactionRecorded(1, 'm-2')));

    it('can lose a part', () =>
      given(known)
        .when({ ...nextMessage, profile: { name: null, email: null } })
        .then(changed(1, one, { ...nobody, phone: one.phone }, ['name', 'email']), interactionRecorded(1, 'm-2')));

    it('is not said to change when it is the same', () =>
      given(known)
        .when({ ...nextMessage, profile: one })
        .then(interactionRecorded(1, 'm-2')));

    it('is on the next lead as it is by then, and says how many leads it was on before', () =>
      given(known, lost, secondInteraction, closeAsLost(2))
        .when(interaction({ messageId: 'm-3', profile: { name: 'Contact Uno' } }))
        .then(
          changed(2, one, { ...one, name: 'Contact Uno' }, ['name']),
          leadOpened(3, {}, { ...one, name: 'Contact Uno' }),
          interactionRecorded(3, 'm-3'),
        ));

    it('changes with a lead made by hand and with a broadcast too', () => {
      const renamed = { ...one, name: 'Contact Uno' };
      given(known, lost)
        .when(createLead({ profile: { name: 'Contact Uno' } }))
        .then(
          changed(1, one, renamed, ['name']),
          leadOpened(2, { channel: null, origin: origin({ kind: 'manual', interactionId: null }) }, renamed),
        );
      given(known)
        .when(broadcast({ profile: { name: 'Contact Uno' } }))
        .then(changed(1, one, renamed, ['name']), expect.objectContaining({ type: 'BroadcastAddressed' }) as never);
    });
  });

  describe('the same interaction again', () => {
    const seenOn = (sentence: ReturnType<typeof given>, messageId: string) =>
      sentence.state.known ? sentence.state.interactions.get(interactionId(messageId)) : undefined;

    it('changes nothing', () => given(opened).when(opened).thenNothing());

    it('changes nothing even when it says something else by now', () =>
      given(opened)
        .when(interaction({ text: 'Edited', kind: 'integration', profile: one, occurredAt: sentAt('08:00:00') }))
        .thenNothing());

    it('changes nothing after its lead was closed and another opened, and answers with the same lead', () => {
      given(opened, lost).when(opened).thenNothing();
      given(opened, lost, secondInteraction).when(opened).thenNothing();
      expect(seenOn(given(opened, lost, secondInteraction), 'm-1')).toStrictEqual({ leadId: leadId(1), number: 1 });
      expect(seenOn(given(opened, lost, secondInteraction), 'm-2')).toStrictEqual({ leadId: leadId(2), number: 1 });
    });

    it('is another interaction when it came through another channel', () =>
      given(opened)
        .when(interaction({ channel: 'telegram' }))
        .then(interactionRecorded(1, 'm-1', { channel: 'telegram' })));

    it('changes nothing when it was an opt-out, which has no lead', () => {
      const stop = interaction({ text: 'STOP' });
      given(stop).when(stop).thenNothing();
      expect(seenOn(given(stop), 'm-1')).toStrictEqual({ leadId: null, number: 0 });
    });
  });
});

describe('Opting out', () => {
  it('is recorded and opens no lead', () =>
    given()
      .when(interaction({ text: 'STOP', profile: one }))
      .then(registered(one), optedOut({}, 'STOP')));

  it('is recorded beside an active lead, not on it', () => {
    const stop = interaction({ messageId: 'm-2', text: 'stop' });
    given(opened)
      .when(stop)
      .then({ ...optedOut({ messageId: 'm-2' }, 'stop'), id: interactionId('m-2') });
    expect(foldedLead(given(opened, stop))).toStrictEqual(foldedLead(given(opened)));
  });

  it('opens no lead after the last was closed', () =>
    given(opened, lost)
      .when(interaction({ messageId: 'm-2', text: 'stop' }))
      .then({ ...optedOut({ messageId: 'm-2' }, 'stop'), id: interactionId('m-2') }));

  it.each(['stop', ' Stop. ', 'STOP!!', 'Unsubscribe', 'opt out', 'OPT\n OUT', 'opt-out?', 'ＳＴＯＰ'])(
    'goes by %j',
    (text) => given().when(interaction({ text })).then(registered(), optedOut({}, text)),
  );

  it.each(['please stop', 'stop it', 'stopp', 'don’t stop', '', '!', 's.t.o.p', 's t o p', null])(
    'does not go by %j',
    (text) =>
      given()
        .when(interaction({ text }))
        .then(registered(), leadOpened(1), {
          ...interactionRecorded(1, 'm-1'),
          personal: { text, media: null, integration: null },
        }),
  );

  it("goes by the organization's own keywords, however they are written, and by no others", () => {
    const own = { optOutKeywords: ['BAJA', 'no más.'] };
    for (const text of ['baja', 'Baja!', 'NO MÁS'])
      given().where(own).when(interaction({ text })).then(registered(), optedOut({}, text));
    given()
      .where(own)
      .when(interaction({ text: 'stop' }))
      .then(registered(), leadOpened(1), {
        ...interactionRecorded(1, 'm-1'),
        personal: { text: 'stop', media: null, integration: null },
      });
  });

  it('is no opt-out in the form of an integration', () =>
    given()
      .when(interaction({ kind: 'integration', text: 'stop' }))
      .then(registered(), leadOpened(1, { origin: origin({ kind: 'integration' }) }), {
        ...interactionRecorded(1, 'm-1', { kind: 'integration' }),
        personal: { text: 'stop', media: null, integration: null },
      }));

  it('keeps the kind that was told, chat when it was inferred', () => {
    given()
      .when(interaction({ text: 'stop', kind: 'broadcast_reply' }))
      .then(registered(), optedOut({ kind: 'broadcast_reply' }, 'stop'));
    given()
      .when(interaction({ text: 'stop', kind: 'inferred' }))
      .then(registered(), optedOut({}, 'stop'));
  });

  it('keeps the time of the sender', () => {
    const stop = interaction({ text: 'stop', occurredAt: sentAt('11:30:00') });
    given()
      .when(stop)
      .then(registered(), { ...optedOut({}, 'stop'), occurredAt: time('11:30') });
    expect(given(at('12:00', stop)).state).toMatchObject({ optedOutAt: time('11:30'), lastCommandAt: time('12:00') });
  });

  it('is told within a moment also of the longest text', () => {
    const text = `stop${'!'.repeat(65_000)}x`;
    const before = performance.now();
    given().when(interaction({ text }));
    expect(performance.now() - before).toBeLessThan(2_000);
  });
});

describe('Late interactions', () => {
  const closed = at('10:00:05.700', lost);
  const late = (occurredAt: string) => interactionRecorded(1, 'm-2', { late: true }, time(occurredAt));
  const onNew = (occurredAt: string) => [leadOpened(2), interactionRecorded(2, 'm-2', {}, time(occurredAt))];
  const sent = (clock: string) => interaction({ messageId: 'm-2', occurredAt: sentAt(clock) });

  it('join the history of the last lead when they happened before it was closed, and open nothing', () =>
    given(opened, closed).when(sent('09:30:00.000')).then(late('09:30')));

  it('open the next lead when they happened at its closing or after', () => {
    given(opened, closed)
      .when(sent('10:00:05.700'))
      .then(...onNew('10:00:05.700'));
    given(opened, closed)
      .when(sent('11:00:00.000'))
      .then(...onNew('11:00'));
  });

  it.each([
    ['10:00:05.699', true],
    ['10:00:05.700', false],
    ['10:00:05.69', true],
    ['10:00:05.70', false],
    ['10:00:05.6', true],
    ['10:00:05.7', false],
    ['10:00:04', true],
    ['10:00:05', false],
    ['10:00:06', false],
  ])('are compared in the precision of the given time: %s is late against 10:00:05.700: %s', (clock, isLate) =>
    given(opened, closed)
      .when(sent(clock))
      .then(...(isLate ? [late(clock)] : onNew(clock))),
  );

  it('are not late at the very closing, however precisely it is told', () =>
    given(opened, closed)
      .when(interaction({ messageId: 'm-2', occurredAt: { at: time('10:00:05.700'), digits: 6 } }))
      .then(...onNew('10:00:05.700')));

  it('are late only by a given time', () =>
    given(opened, at('12:00:30', lost)).when(nextMessage).then(leadOpened(2), interactionRecorded(2, 'm-2')));

  it('are recorded on the active lead while there is one, however old they are', () => {
    given(opened)
      .when(sent('08:00:00'))
      .then(interactionRecorded(1, 'm-2', {}, time('08:00')));
    given(opened, closed, at('10:30', interaction({ messageId: 'm-3' })))
      .when(sent('09:30:00'))
      .then(interactionRecorded(2, 'm-2', {}, time('09:30')));
  });

  it('join the last lead, not an earlier one', () =>
    given(opened, lost, secondInteraction, at('10:00', closeAsLost(2)))
      .when(interaction({ messageId: 'm-3', occurredAt: sentAt('08:30:00') }))
      .then(interactionRecorded(2, 'm-3', { late: true }, time('08:30'))));

  it('change the profile all the same', () =>
    given(opened, closed)
      .when({ ...sent('09:30:00'), profile: { name: 'Contact One' } })
      .then(
        {
          type: 'ContactProfileChanged',
          data: { contactKey, leads: 1, changed: ['name'] },
          personal: { from: nobody, to: { ...nobody, name: 'Contact One' } },
        },
        late('09:30'),
      ));

  it('leave the greatest time as the time of the last interaction', () => {
    const told = given(at('09:00', opened), at('09:10', sent('08:00:00')));
    expect(foldedLead(told)).toMatchObject({ lastInteractionAt: time('09:00'), updatedAt: time('09:10'), version: 3 });
    const joined = given(opened, closed, at('11:00', sent('10:00:01')));
    expect(foldedLead(joined)).toMatchObject({
      lastInteractionAt: time('10:00:01'),
      updatedAt: time('11:00'),
      active: false,
    });
  });

  it('may lie 5 minutes in the future and no more', () => {
    given(opened)
      .when(sent('12:05:00.000'))
      .then(interactionRecorded(1, 'm-2', {}, time('12:05')));
    given(opened).when(sent('12:05:00.001')).thenInvalid('occurredAt', 'in_future');
    given()
      .when(interaction({ text: 'stop', occurredAt: sentAt('12:06:00') }))
      .thenInvalid('occurredAt', 'in_future');
  });

  it('are judged against the time to which the command was dated back', () =>
    given().backdatedTo('09:00').when(sent('09:06:00')).thenInvalid('occurredAt', 'in_future'));
});

describe('Attribution', () => {
  const reply = (of: Parameters<typeof interaction>[0] = {}) => interaction({ kind: 'broadcast_reply', ...of });
  /** What a webhook says of a message: it may be a reply, or not. */
  const message = (of: Parameters<typeof interaction>[0] = {}) => interaction({ kind: 'inferred', ...of });
  const replied = (how: typeof exact | typeof window, inReplyTo: string | null = null) =>
    [
      leadOpened(1, { origin: origin({ kind: 'broadcast_reply', campaign, ...how }) }),
      interactionRecorded(1, 'm-1', { kind: 'broadcast_reply', inReplyTo, ...how }),
    ] as const;
  const unrelated = (kind: 'chat' | 'broadcast_reply', inReplyTo: string | null = null) =>
    [leadOpened(1, { origin: origin({ kind }) }), interactionRecorded(1, 'm-1', { kind, inReplyTo })] as const;

  it('is exact when the reply names the broadcast message', () => {
    given(broadcast())
      .when(reply({ inReplyTo: 'bm-1' }))
      .then(...replied(exact, 'bm-1'));
    given(broadcast())
      .when(message({ inReplyTo: 'bm-1' }))
      .then(...replied(exact, 'bm-1'));
  });

  it('is exact however long ago the broadcast was, and whichever came after it', () => {
    given(at('2025-01-01T00:00:00.000Z', broadcast()), broadcast({ broadcastId: 'b-2', messageId: 'bm-2' }))
      .when(reply({ inReplyTo: 'bm-1' }))
      .then(...replied(exact, 'bm-1'));
  });

  it('is exact for a chat too, which stays a chat', () =>
    given(broadcast())
      .when(interaction({ inReplyTo: 'bm-1' }))
      .then(
        leadOpened(1, { origin: origin({ campaign, ...exact }) }),
        interactionRecorded(1, 'm-1', { inReplyTo: 'bm-1', ...exact }),
      ));

  it('is not exact by a message id of another channel', () =>
    given(at('2025-01-01T00:00:00.000Z', broadcast({ channel: 'sms' })))
      .when(reply({ inReplyTo: 'bm-1' }))
      .then(...unrelated('broadcast_reply', 'bm-1')));

  it('is by the window when a reply names none and a broadcast was sent within 72 hours', () => {
    given(broadcast())
      .when(reply())
      .then(...replied(window));
    given(broadcast())
      .when(message())
      .then(...replied(window));
  });

  it('is by the window when a told reply names a message that is no broadcast', () =>
    given(broadcast())
      .when(reply({ inReplyTo: 'unheard-of' }))
      .then(...replied(window, 'unheard-of')));

  it('is none when a webhook’s message names one that is no broadcast: it answers something else', () =>
    given(broadcast())
      .when(message({ inReplyTo: 'unheard-of' }))
      .then(...unrelated('chat', 'unheard-of')));

  it('is none for a chat or a form that names none', () => {
    given(broadcast())
      .when(interaction())
      .then(...unrelated('chat'));
    given(broadcast())
      .when(interaction({ kind: 'integration' }))
      .then(
        leadOpened(1, { origin: origin({ kind: 'integration' }) }),
        interactionRecorded(1, 'm-1', { kind: 'integration' }),
      );
  });

  it('is none without a broadcast: a told reply stays one, a webhook’s message is a chat', () => {
    given()
      .when(reply())
      .then(registered(), ...unrelated('broadcast_reply'));
    given()
      .when(message())
      .then(registered(), ...unrelated('chat'));
  });

  it('has a window of 72 hours to the millisecond', () => {
    given(at('2026-02-27T12:00:00.000Z', broadcast()))
      .when(reply())
      .then(...replied(window));
    given(at('2026-02-27T11:59:59.999Z', broadcast()))
      .when(reply())
      .then(...unrelated('broadcast_reply'));
  });

  it('has the window that the organization sets', () => {
    const twoHours = { attributionWindowHours: 2 };
    given(at('10:00', broadcast()))
      .where(twoHours)
      .when(reply())
      .then(...replied(window));
    given(at('09:59:59', broadcast()))
      .where(twoHours)
      .when(reply())
      .then(...unrelated('broadcast_reply'));
  });

  it('goes by when the reply and the broadcast happened, not by when we were told', () => {
    given(at('11:00', broadcast({ sentAt: time('08:00') })))
      .when(reply({ occurredAt: sentAt('08:30:00.000') }))
      .then(
        leadOpened(1, { origin: origin({ kind: 'broadcast_reply', campaign, ...window }) }),
        interactionRecorded(1, 'm-1', { kind: 'broadcast_reply', ...window }, time('08:30')),
      );
    given(at('08:00', broadcast({ sentAt: time('11:00') })))
      .when(reply({ occurredAt: sentAt('08:30:00.000') }))
      .then(
        leadOpened(1, { origin: origin({ kind: 'broadcast_reply' }) }),
        interactionRecorded(1, 'm-1', { kind: 'broadcast_reply' }, time('08:30')),
      );
  });

  it('is by the window from the second of the broadcast on: providers tell whole seconds', () => {
    const sent = at('08:00:00.700', broadcast());
    given(sent)
      .when(reply({ occurredAt: sentAt('08:00:00') }))
      .then(
        leadOpened(1, { origin: origin({ kind: 'broadcast_reply', campaign, ...window }) }),
        interactionRecorded(1, 'm-1', { kind: 'broadcast_reply', ...window }, time('08:00')),
      );
    given(sent)
      .when(reply({ occurredAt: sentAt('07:59:59') }))
      .then(
        leadOpened(1, { origin: origin({ kind: 'broadcast_reply' }) }),
        interactionRecorded(1, 'm-1', { kind: 'broadcast_reply' }, time('07:59:59')),
      );
  });

  it('is to the broadcast recorded last of those sent at one time', () => {
    const other = broadcast({ broadcastId: 'b-0', messageId: 'bm-0' });
    given(at('09:00', other), at('09:00', broadcast()))
      .when(reply())
      .then(...replied(window));
  });

  it('is to the broadcast sent last', () => {
    const early = broadcast({ broadcastId: 'b-0', messageId: 'bm-0', sentAt: time('07:00') });
    given(broadcast(), early)
      .when(reply())
      .then(...replied(window));
    given(early, broadcast())
      .when(reply())
      .then(...replied(window));
  });

  it('stands on the interaction when the lead was there already, and leaves its origin alone', () => {
    given(opened, broadcast())
      .when(reply({ messageId: 'm-2' }))
      .then(interactionRecorded(1, 'm-2', { kind: 'broadcast_reply', ...window }));
    expect(foldedLead(given(opened, broadcast(), reply({ messageId: 'm-2' }))).origin).toStrictEqual(origin());
  });
});

describe('Broadcasts', () => {
  const addressed = (leads: number, messageId = 'bm-1', occurredAt = time('12:00')): Of<'BroadcastAddressed'> => ({
    type: 'BroadcastAddressed',
    id: addressedId(messageId),
    occurredAt,
    data: {
      contactKey,
      broadcastId: 'b-1',
      campaign,
      channel: 'whatsapp',
      messageId,
      receivedAt: time('12:00'),
      leads,
    },
  });

  it('make a contact known and open no lead', () =>
    given()
      .when(broadcast({ profile: one }))
      .then(registered(one), addressed(0)));

  it('say on how many leads of the contact they show', () =>
    given(opened, lost, secondInteraction).when(broadcast()).then(addressed(2)));

  it('keep the time at which they were sent', () =>
    given(opened)
      .when(broadcast({ sentAt: time('11:00') }))
      .then(addressed(1, 'bm-1', time('11:00'))));

  it('are recorded once per message', () => {
    given(broadcast()).when(broadcast()).thenNothing();
    given(broadcast())
      .when(broadcast({ broadcastId: 'b-2', profile: one }))
      .thenNothing();
  });

  it('are recorded again for another attempt, and on another channel', () => {
    given(broadcast())
      .when(broadcast({ messageId: 'bm-2' }))
      .then(addressed(0, 'bm-2'));
    const { data } = addressed(0);
    given(broadcast())
      .when(broadcast({ channel: 'sms' }))
      .then({ ...addressed(0), id: addressedId('bm-1', 'sms'), data: { ...data, channel: 'sms' } });
  });

  it('count in no version of a lead', () =>
    expect(foldedLead(given(opened, broadcast()))).toStrictEqual(foldedLead(given(opened))));
});

describe('A contact as folded', () => {
  const [, ...rest] = given(opened, lost).events as readonly (RecordedEvent & ContactEvent)[];

  it('begins with its registration: what comes before makes none', () => {
    expect(rest.reduce<Contact>(evolveContact, unknownContact)).toBe(unknownContact);
  });

  it('is registered once', () => {
    const { state, events } = given(interaction({ profile: one }));
    expect(evolveContact(state, { ...events[0]!, personal: { contactId: 'contact-2', ...nobody } } as never)).toBe(
      state,
    );
  });

  it('skips what it does not know, and an interaction of a lead that is not there', () => {
    const { state } = given(opened);
    const stranger = { type: 'SomethingElse', data: {}, meta: {} };
    expect(evolveContact(state, stranger as never)).toBe(state);
    const elsewhere = rest.find((it) => it.type === 'InteractionRecorded')!;
    const lost = { ...elsewhere, id: 'i-9', data: { ...elsewhere.data, leadId: leadId(9) } };
    expect(evolveContact(state, lost as never)).toMatchObject({ leads: state.known ? state.leads : [] });
  });
});

describe('Leads that are not there', () => {
  it.each([
    ['status', changeStatus('lost', { leadId: leadId(2) })],
    ['follow-up', createFollowUp({ leadId: 'elsewhere-1' })],
    ['message', outbound({ leadId: '' })],
    ['reschedule', reschedule('13:00', { leadId: '__proto__' })],
  ])('are not found: %s', (_, command) => {
    given(opened).when(command).thenRefused('not_found', { what: 'lead' });
    given().when(command).thenRefused('not_found', { what: 'lead' });
  });
});

describe('Dating back', () => {
  const noon = at('11:00', nextMessage);

  it('gives the events the time that was told', () => {
    const told = given().backdatedTo('2025-06-01T08:00:00.000Z').and(opened);
    expect(foldedLead(told)).toMatchObject({
      createdAt: '2025-06-01T08:00:00.000Z',
      lastInteractionAt: '2025-06-01T08:00:00.000Z',
    });
  });

  it("may not go behind the contact's last command", () => {
    given(opened, noon)
      .backdatedTo('10:59:59.999')
      .when(changeStatus('qualified'))
      .thenInvalid('commandTime', 'before_last_command');
    given(opened, noon)
      .backdatedTo('11:00')
      .when(changeStatus('qualified'))
      .then({
        type: 'LeadStatusChanged',
        data: { leadId: leadId(1), from: 'new', to: 'qualified' },
        personal: { reason: null, note: null },
      });
  });

  it('goes by the greatest time of any command, not by the one recorded last', () =>
    given(at('11:00', opened), at('10:00', createFollowUp()))
      .backdatedTo('10:30')
      .when(changeStatus('qualified'))
      .thenInvalid('commandTime', 'before_last_command'));

  it("goes by the command's time, not by that of a sender", () => {
    const told = at('10:00', interaction({ messageId: 'm-2', occurredAt: sentAt('10:04:00') }));
    given(opened, told)
      .backdatedTo('10:01')
      .when(interaction({ messageId: 'm-3' }))
      .then({
        ...interactionRecorded(1, 'm-3', { receivedAt: time('10:01') }, time('10:01')),
      });
    const early = at('10:00', interaction({ messageId: 'm-2', occurredAt: sentAt('08:00:00') }));
    given(opened, early)
      .backdatedTo('09:59')
      .when(interaction({ messageId: 'm-3' }))
      .thenInvalid('commandTime', 'before_last_command');
  });

  it('goes by what a person did with the lead', () => {
    const qualified = { type: 'LeadStatusChanged', data: { leadId: leadId(1), from: 'new', to: 'qualified' } } as const;
    for (const actor of [agentActor('ana'), gateway])
      given(opened, at('11:00', by(actor, changeStatus('contacted'))))
        .backdatedTo('10:30')
        .when(changeStatus('qualified'))
        .thenInvalid('commandTime', 'before_last_command');
    for (const type of ['system', 'ai'] as const)
      given(opened, at('11:00', by({ type, id: 'rules' }, changeStatus('contacted'))))
        .backdatedTo('10:30')
        .when(changeStatus('qualified'))
        .then({ ...qualified, data: { ...qualified.data, from: 'contacted' }, personal: { reason: null, note: null } });
  });

  it("also goes by an agent's messages and opt-outs", () => {
    const told = at('10:00', by(agentActor('ana'), outbound({ sentAt: time('08:00') })));
    given(opened, told).backdatedTo('09:30').when(nextMessage).thenInvalid('commandTime', 'before_last_command');
    const stop = at('10:00', interaction({ messageId: 'm-9', text: 'stop', occurredAt: sentAt('08:00:00') }));
    given(opened, stop).backdatedTo('09:30').when(nextMessage).thenInvalid('commandTime', 'before_last_command');
  });

  it('does not go by what an automation did meanwhile', () => {
    const reminded = at('11:00', by({ type: 'system', id: 'remind-follow-ups' }, remind('10:00')));
    const scored = at('11:01', by({ type: 'ai', id: 'local' }, aiResult(40)));
    given(opened, createFollowUp({ dueAt: time('10:00') }), reminded, scored)
      .backdatedTo('10:30')
      .when(changeStatus('qualified'))
      .then({
        type: 'LeadStatusChanged',
        data: { leadId: leadId(1), from: 'new', to: 'qualified' },
        personal: { reason: null, note: null },
      });
  });

  it('is free for broadcasts, which are told of whenever it suits, and count as no command', () => {
    given(opened, noon)
      .backdatedTo('08:00')
      .when(broadcast())
      .then({
        type: 'BroadcastAddressed',
        id: addressedId('bm-1'),
        occurredAt: time('08:00'),
        data: {
          contactKey,
          broadcastId: 'b-1',
          campaign,
          channel: 'whatsapp',
          messageId: 'bm-1',
          receivedAt: time('08:00'),
          leads: 1,
        },
      });
    given(opened, at('11:00', broadcast()))
      .backdatedTo('10:00')
      .when(changeStatus('qualified'))
      .then({
        type: 'LeadStatusChanged',
        data: { leadId: leadId(1), from: 'new', to: 'qualified' },
        personal: { reason: null, note: null },
      });
  });

  it('is not asked about what changes nothing', () =>
    given(opened, noon).backdatedTo('08:00').when(opened).thenNothing());

  it('hides no other refusal', () =>
    given(opened, at('11:00', lost)).backdatedTo('08:00').when(lost).thenRefused('lead_inactive'));

  it('is no matter for a command that happens now, whatever our clocks say', () =>
    given(opened, noon)
      .at('10:00')
      .when(interaction({ messageId: 'm-3' }))
      .then({
        ...interactionRecorded(1, 'm-3', { receivedAt: time('10:00') }, time('10:00')),
      }));

  it('judges the due time of a follow-up by the told time', () => {
    given(at('08:00', opened))
      .backdatedTo('09:00')
      .when(createFollowUp({ dueAt: time('10:00') }))
      .then({
        type: 'FollowUpCreated',
        data: { leadId: leadId(1), followUpId: 'f-1', dueAt: time('10:00'), assigneeId: null },
        personal: { contactId: 'contact-1', note: null },
      });
    given(at('08:00', opened))
      .backdatedTo('09:00')
      .when(createFollowUp({ dueAt: time('08:30') }))
      .thenInvalid('dueAt', 'in_past');
  });
});
