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

const noProfile: Profile = { name: null, phone: null, email: null };
const fullProfile: Profile = { name: 'Contact One', phone: '+15550100', email: 'one@example.test' };
const unattributed = { attribution: 'none', broadcastId: null } as const;
const exact = { attribution: 'exact', broadcastId: 'b-1' } as const;
const window = { attribution: 'window', broadcastId: 'b-1' } as const;

const registered = (profile: Profile = noProfile): Of<'ContactRegistered'> => ({
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
  personal: { contactId: 'contact-1', ...noProfile, note: null, ...personal },
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

describe('RecordInteraction and CreateLead', () => {
  it("a contact's first interaction registers the contact and opens a lead", () =>
    given().when(opened).then(registered(), leadOpened(1), interactionRecorded(1, 'm-1')));

  it.each(['chat', 'integration', 'broadcast_reply'] as const)('an interaction of kind %s opens a lead', (kind) =>
    given()
      .when(interaction({ kind }))
      .then(registered(), leadOpened(1, { origin: origin({ kind }) }), interactionRecorded(1, 'm-1', { kind })),
  );

  it('an interaction is recorded with its text, media and form', () => {
    const [media, integration] = [{ url: 'https://files.example.test/1' }, { form: 'demo', fields: { seats: 3 } }];
    given(opened)
      .when({ ...nextMessage, kind: 'integration', text: null, media, integration })
      .then({
        ...interactionRecorded(1, 'm-2', { kind: 'integration' }),
        personal: { text: null, media, integration },
      });
  });

  it('an interaction on any channel is recorded on the active lead', () => {
    given(opened).when(nextMessage).then(interactionRecorded(1, 'm-2'));
    given(opened)
      .when({ ...nextMessage, channel: 'sms' })
      .then(interactionRecorded(1, 'm-2', { channel: 'sms' }));
  });

  it.each([converted, lost, archived])(
    'an interaction after a lead was set to $status opens another lead and reopens none',
    (closed) => given(opened, closed).when(nextMessage).then(leadOpened(2), interactionRecorded(2, 'm-2')),
  );

  it('the leads of a contact are numbered, and each names the previous one', () =>
    given(opened, lost, secondInteraction, closeAsLost(2))
      .when(interaction({ messageId: 'm-3' }))
      .then(leadOpened(3), interactionRecorded(3, 'm-3')));

  it("a lead is created at the command's time, not at that of its first interaction", () => {
    const sentence = given(at('12:00', interaction({ occurredAt: sentAt('08:00:00') })));
    expect(foldedLead(sentence)).toMatchObject({ createdAt: time('12:00'), lastInteractionAt: time('08:00') });
  });

  describe('CreateLead', () => {
    const byHand = (of: Partial<Origin> = {}) => origin({ kind: 'manual', interactionId: null, ...of });

    it('creating a lead registers the contact and opens a lead with a note', () =>
      given()
        .when(createLead({ note: 'Met at the fair', profile: fullProfile }))
        .then(
          registered(fullProfile),
          leadOpened(1, { channel: null, origin: byHand() }, { ...fullProfile, note: 'Met at the fair' }),
        ));

    it('a created lead can have a channel and an integration as its origin', () =>
      given()
        .when(createLead({ channel: 'email', origin: 'integration' }))
        .then(registered(), leadOpened(1, { channel: 'email', origin: byHand({ kind: 'integration' }) })));

    it('creating a lead opens another one if the last lead is closed', () =>
      given(opened, lost)
        .when(createLead())
        .then(leadOpened(2, { channel: null, origin: byHand() })));

    it('rejects creating a lead while the contact has an active one, and names it', () => {
      given(opened)
        .when(createLead())
        .thenRefused('active_lead_exists', { activeLeadId: leadId(1) });
      given(opened, lost, secondInteraction)
        .when(createLead())
        .thenRefused('active_lead_exists', { activeLeadId: leadId(2) });
    });

    it('a lead without a channel gets the channel of its first interaction', () =>
      expect(foldedLead(given(createLead(), interaction({ channel: 'sms' }))).channel).toBe('sms'));
  });

  describe('Profile', () => {
    const changed = (leads: number, from: Profile, to: Profile, fields: (keyof Profile)[]) =>
      ({
        type: 'ContactProfileChanged',
        data: { contactKey, leads, changed: fields },
        personal: { from, to },
      }) as const;
    const known = interaction({ profile: fullProfile });

    it('a new contact is registered with its profile', () =>
      given()
        .when(known)
        .then(registered(fullProfile), leadOpened(1, {}, fullProfile), interactionRecorded(1, 'm-1')));

    it('an interaction changes the given profile fields and leaves the others', () =>
      given(known)
        .when({ ...nextMessage, profile: { phone: '+15550199' } })
        .then(
          changed(1, fullProfile, { ...fullProfile, phone: '+15550199' }, ['phone']),
          interactionRecorded(1, 'm-2'),
        ));

    it('a profile field can be set to null', () =>
      given(known)
        .when({ ...nextMessage, profile: { name: null, email: null } })
        .then(
          changed(1, fullProfile, { ...noProfile, phone: fullProfile.phone }, ['name', 'email']),
          interactionRecorded(1, 'm-2'),
        ));

    it('an unchanged profile is not recorded again', () =>
      given(known)
        .when({ ...nextMessage, profile: fullProfile })
        .then(interactionRecorded(1, 'm-2')));

    it('a new lead has the changed profile, and the change records how many leads the contact had', () =>
      given(known, lost, secondInteraction, closeAsLost(2))
        .when(interaction({ messageId: 'm-3', profile: { name: 'Contact Uno' } }))
        .then(
          changed(2, fullProfile, { ...fullProfile, name: 'Contact Uno' }, ['name']),
          leadOpened(3, {}, { ...fullProfile, name: 'Contact Uno' }),
          interactionRecorded(3, 'm-3'),
        ));

    it('creating a lead and addressing a broadcast also change the profile', () => {
      const renamed = { ...fullProfile, name: 'Contact Uno' };
      given(known, lost)
        .when(createLead({ profile: { name: 'Contact Uno' } }))
        .then(
          changed(1, fullProfile, renamed, ['name']),
          leadOpened(2, { channel: null, origin: origin({ kind: 'manual', interactionId: null }) }, renamed),
        );
      given(known)
        .when(broadcast({ profile: { name: 'Contact Uno' } }))
        .then(
          changed(1, fullProfile, renamed, ['name']),
          expect.objectContaining({ type: 'BroadcastAddressed' }) as never,
        );
    });
  });

  describe('A repeated interaction', () => {
    const seenOn = (sentence: ReturnType<typeof given>, messageId: string) =>
      sentence.state.known ? sentence.state.interactions.get(interactionId(messageId)) : undefined;

    it('a repeated interaction does nothing', () => given(opened).when(opened).thenNothing());

    it('a repeated interaction does nothing, even with other values', () =>
      given(opened)
        .when(
          interaction({ text: 'Edited', kind: 'integration', profile: fullProfile, occurredAt: sentAt('08:00:00') }),
        )
        .thenNothing());

    it('a repeated interaction does nothing after its lead was closed, and still belongs to that lead', () => {
      given(opened, lost).when(opened).thenNothing();
      given(opened, lost, secondInteraction).when(opened).thenNothing();
      expect(seenOn(given(opened, lost, secondInteraction), 'm-1')).toStrictEqual({ leadId: leadId(1), number: 1 });
      expect(seenOn(given(opened, lost, secondInteraction), 'm-2')).toStrictEqual({ leadId: leadId(2), number: 1 });
    });

    it('the same message id on another channel is another interaction', () =>
      given(opened)
        .when(interaction({ channel: 'telegram' }))
        .then(interactionRecorded(1, 'm-1', { channel: 'telegram' })));

    it('a repeated opt-out does nothing and has no lead', () => {
      const stop = interaction({ text: 'STOP' });
      given(stop).when(stop).thenNothing();
      expect(seenOn(given(stop), 'm-1')).toStrictEqual({ leadId: null, number: 0 });
    });
  });
});

describe('Opt-out', () => {
  it('an opt-out is recorded and opens no lead', () =>
    given()
      .when(interaction({ text: 'STOP', profile: fullProfile }))
      .then(registered(fullProfile), optedOut({}, 'STOP')));

  it('an opt-out does not change the active lead', () => {
    const stop = interaction({ messageId: 'm-2', text: 'stop' });
    given(opened)
      .when(stop)
      .then({ ...optedOut({ messageId: 'm-2' }, 'stop'), id: interactionId('m-2') });
    expect(foldedLead(given(opened, stop))).toStrictEqual(foldedLead(given(opened)));
  });

  it('an opt-out after the last lead was closed opens no lead', () =>
    given(opened, lost)
      .when(interaction({ messageId: 'm-2', text: 'stop' }))
      .then({ ...optedOut({ messageId: 'm-2' }, 'stop'), id: interactionId('m-2') }));

  it.each(['stop', ' Stop. ', 'STOP!!', 'Unsubscribe', 'opt out', 'OPT\n OUT', 'opt-out?', 'ＳＴＯＰ'])(
    'the text %j is an opt-out',
    (text) => given().when(interaction({ text })).then(registered(), optedOut({}, text)),
  );

  it.each(['please stop', 'stop it', 'stopp', 'don’t stop', '', '!', 's.t.o.p', 's t o p', null])(
    'the text %j is not an opt-out',
    (text) =>
      given()
        .when(interaction({ text }))
        .then(registered(), leadOpened(1), {
          ...interactionRecorded(1, 'm-1'),
          personal: { text, media: null, integration: null },
        }),
  );

  it("only the organization's keywords are opt-outs, in any case and with end punctuation", () => {
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

  it('a keyword in a form from an integration is not an opt-out', () =>
    given()
      .when(interaction({ kind: 'integration', text: 'stop' }))
      .then(registered(), leadOpened(1, { origin: origin({ kind: 'integration' }) }), {
        ...interactionRecorded(1, 'm-1', { kind: 'integration' }),
        personal: { text: 'stop', media: null, integration: null },
      }));

  it('an opt-out has the given kind, or chat if it is inferred', () => {
    given()
      .when(interaction({ text: 'stop', kind: 'broadcast_reply' }))
      .then(registered(), optedOut({ kind: 'broadcast_reply' }, 'stop'));
    given()
      .when(interaction({ text: 'stop', kind: 'inferred' }))
      .then(registered(), optedOut({}, 'stop'));
  });

  it("an opt-out has the sender's time", () => {
    const stop = interaction({ text: 'stop', occurredAt: sentAt('11:30:00') });
    given()
      .when(stop)
      .then(registered(), { ...optedOut({}, 'stop'), occurredAt: time('11:30') });
    expect(given(at('12:00', stop)).state).toMatchObject({ optedOutAt: time('11:30'), lastCommandAt: time('12:00') });
  });

  it('recognizing an opt-out takes less than 2 seconds for the longest text', () => {
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

  it('an interaction sent before the last lead was closed is recorded on it as late and opens no lead', () =>
    given(opened, closed).when(sent('09:30:00.000')).then(late('09:30')));

  it('an interaction sent when the last lead was closed, or later, opens another lead', () => {
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
  ])('times are compared in the precision of the sender: %s is late against 10:00:05.700: %s', (clock, isLate) =>
    given(opened, closed)
      .when(sent(clock))
      .then(...(isLate ? [late(clock)] : onNew(clock))),
  );

  it('an interaction at the exact closing time is not late, in any precision', () =>
    given(opened, closed)
      .when(interaction({ messageId: 'm-2', occurredAt: { at: time('10:00:05.700'), digits: 6 } }))
      .then(...onNew('10:00:05.700')));

  it('an interaction without its own time is never late', () =>
    given(opened, at('12:00:30', lost)).when(nextMessage).then(leadOpened(2), interactionRecorded(2, 'm-2')));

  it('an old interaction is recorded on the active lead if there is one', () => {
    given(opened)
      .when(sent('08:00:00'))
      .then(interactionRecorded(1, 'm-2', {}, time('08:00')));
    given(opened, closed, at('10:30', interaction({ messageId: 'm-3' })))
      .when(sent('09:30:00'))
      .then(interactionRecorded(2, 'm-2', {}, time('09:30')));
  });

  it('a late interaction is recorded on the last lead, not on an earlier one', () =>
    given(opened, lost, secondInteraction, at('10:00', closeAsLost(2)))
      .when(interaction({ messageId: 'm-3', occurredAt: sentAt('08:30:00') }))
      .then(interactionRecorded(2, 'm-3', { late: true }, time('08:30'))));

  it('a late interaction also changes the profile', () =>
    given(opened, closed)
      .when({ ...sent('09:30:00'), profile: { name: 'Contact One' } })
      .then(
        {
          type: 'ContactProfileChanged',
          data: { contactKey, leads: 1, changed: ['name'] },
          personal: { from: noProfile, to: { ...noProfile, name: 'Contact One' } },
        },
        late('09:30'),
      ));

  it('a late interaction does not move lastInteractionAt back', () => {
    const scenario = given(at('09:00', opened), at('09:10', sent('08:00:00')));
    expect(foldedLead(scenario)).toMatchObject({
      lastInteractionAt: time('09:00'),
      updatedAt: time('09:10'),
      version: 3,
    });
    const joined = given(opened, closed, at('11:00', sent('10:00:01')));
    expect(foldedLead(joined)).toMatchObject({
      lastInteractionAt: time('10:00:01'),
      updatedAt: time('11:00'),
      active: false,
    });
  });

  it('rejects an interaction more than 5 minutes in the future', () => {
    given(opened)
      .when(sent('12:05:00.000'))
      .then(interactionRecorded(1, 'm-2', {}, time('12:05')));
    given(opened).when(sent('12:05:00.001')).thenInvalid('occurredAt', 'in_future');
    given()
      .when(interaction({ text: 'stop', occurredAt: sentAt('12:06:00') }))
      .thenInvalid('occurredAt', 'in_future');
  });

  it('an interaction of a backdated command must not be after the time of the command', () =>
    given().backdatedTo('09:00').when(sent('09:06:00')).thenInvalid('occurredAt', 'in_future'));
});

describe('Attribution', () => {
  const reply = (of: Parameters<typeof interaction>[0] = {}) => interaction({ kind: 'broadcast_reply', ...of });
  /** A message from a webhook, which may or may not be a reply. */
  const message = (of: Parameters<typeof interaction>[0] = {}) => interaction({ kind: 'inferred', ...of });
  const replied = (how: typeof exact | typeof window, inReplyTo: string | null = null) =>
    [
      leadOpened(1, { origin: origin({ kind: 'broadcast_reply', campaign, ...how }) }),
      interactionRecorded(1, 'm-1', { kind: 'broadcast_reply', inReplyTo, ...how }),
    ] as const;
  const unrelated = (kind: 'chat' | 'broadcast_reply', inReplyTo: string | null = null) =>
    [leadOpened(1, { origin: origin({ kind }) }), interactionRecorded(1, 'm-1', { kind, inReplyTo })] as const;

  it('attribution of a reply is exact if it references the broadcast message', () => {
    given(broadcast())
      .when(reply({ inReplyTo: 'bm-1' }))
      .then(...replied(exact, 'bm-1'));
    given(broadcast())
      .when(message({ inReplyTo: 'bm-1' }))
      .then(...replied(exact, 'bm-1'));
  });

  it('attribution is exact regardless of the age of the broadcast and of later broadcasts', () => {
    given(at('2025-01-01T00:00:00.000Z', broadcast()), broadcast({ broadcastId: 'b-2', messageId: 'bm-2' }))
      .when(reply({ inReplyTo: 'bm-1' }))
      .then(...replied(exact, 'bm-1'));
  });

  it('attribution is also exact for a chat message, which stays a chat message', () =>
    given(broadcast())
      .when(interaction({ inReplyTo: 'bm-1' }))
      .then(
        leadOpened(1, { origin: origin({ campaign, ...exact }) }),
        interactionRecorded(1, 'm-1', { inReplyTo: 'bm-1', ...exact }),
      ));

  it('attribution is not exact for a message id of another channel', () =>
    given(at('2025-01-01T00:00:00.000Z', broadcast({ channel: 'sms' })))
      .when(reply({ inReplyTo: 'bm-1' }))
      .then(...unrelated('broadcast_reply', 'bm-1')));

  it('attribution is by window if the reply references no message and a broadcast was sent within 72 hours', () => {
    given(broadcast())
      .when(reply())
      .then(...replied(window));
    given(broadcast())
      .when(message())
      .then(...replied(window));
  });

  it('attribution is by window if the caller reports a reply that references another message', () =>
    given(broadcast())
      .when(reply({ inReplyTo: 'another-message' }))
      .then(...replied(window, 'another-message')));

  it('attribution is none if a webhook’s message references another message', () =>
    given(broadcast())
      .when(message({ inReplyTo: 'another-message' }))
      .then(...unrelated('chat', 'another-message')));

  it('attribution is none for a chat message or form that references no message', () => {
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

  it('attribution is none without a broadcast: a reported reply stays a reply, a webhook’s message becomes a chat message', () => {
    given()
      .when(reply())
      .then(registered(), ...unrelated('broadcast_reply'));
    given()
      .when(message())
      .then(registered(), ...unrelated('chat'));
  });

  it('the attribution window is 72 hours to the millisecond', () => {
    given(at('2026-02-27T12:00:00.000Z', broadcast()))
      .when(reply())
      .then(...replied(window));
    given(at('2026-02-27T11:59:59.999Z', broadcast()))
      .when(reply())
      .then(...unrelated('broadcast_reply'));
  });

  it('the attribution window follows the organization’s setting', () => {
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

  it('attribution compares when reply and broadcast were sent, not when they were recorded', () => {
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

  it('the attribution window starts in the second of the broadcast, because providers report whole seconds', () => {
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

  it('attribution by window is to the broadcast recorded last if several were sent at the same time', () => {
    const other = broadcast({ broadcastId: 'b-0', messageId: 'bm-0' });
    given(at('09:00', other), at('09:00', broadcast()))
      .when(reply())
      .then(...replied(window));
  });

  it('attribution by window is to the broadcast sent last', () => {
    const early = broadcast({ broadcastId: 'b-0', messageId: 'bm-0', sentAt: time('07:00') });
    given(broadcast(), early)
      .when(reply())
      .then(...replied(window));
    given(early, broadcast())
      .when(reply())
      .then(...replied(window));
  });

  it('an attributed interaction does not change the origin of an existing lead', () => {
    given(opened, broadcast())
      .when(reply({ messageId: 'm-2' }))
      .then(interactionRecorded(1, 'm-2', { kind: 'broadcast_reply', ...window }));
    expect(foldedLead(given(opened, broadcast(), reply({ messageId: 'm-2' }))).origin).toStrictEqual(origin());
  });
});

describe('AddressBroadcast', () => {
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

  it('a broadcast message registers the contact and opens no lead', () =>
    given()
      .when(broadcast({ profile: fullProfile }))
      .then(registered(fullProfile), addressed(0)));

  it('a broadcast message records how many leads the contact has', () =>
    given(opened, lost, secondInteraction).when(broadcast()).then(addressed(2)));

  it('a broadcast message has the time at which it was sent', () =>
    given(opened)
      .when(broadcast({ sentAt: time('11:00') }))
      .then(addressed(1, 'bm-1', time('11:00'))));

  it('a broadcast message is recorded once', () => {
    given(broadcast()).when(broadcast()).thenNothing();
    given(broadcast())
      .when(broadcast({ broadcastId: 'b-2', profile: fullProfile }))
      .thenNothing();
  });

  it('another attempt or channel is another broadcast message', () => {
    given(broadcast())
      .when(broadcast({ messageId: 'bm-2' }))
      .then(addressed(0, 'bm-2'));
    const { data } = addressed(0);
    given(broadcast())
      .when(broadcast({ channel: 'sms' }))
      .then({ ...addressed(0), id: addressedId('bm-1', 'sms'), data: { ...data, channel: 'sms' } });
  });

  it('a broadcast message does not change a lead or its version', () =>
    expect(foldedLead(given(opened, broadcast()))).toStrictEqual(foldedLead(given(opened))));
});

describe('The fold of a contact', () => {
  const [, ...rest] = given(opened, lost).events as readonly (RecordedEvent & ContactEvent)[];

  it('an event before ContactRegistered creates no contact', () => {
    expect(rest.reduce<Contact>(evolveContact, unknownContact)).toBe(unknownContact);
  });

  it('the fold of a contact ignores a second ContactRegistered', () => {
    const { state, events } = given(interaction({ profile: fullProfile }));
    expect(evolveContact(state, { ...events[0]!, personal: { contactId: 'contact-2', ...noProfile } } as never)).toBe(
      state,
    );
  });

  it('the fold of a contact ignores unknown events, and its leads ignore an interaction of an unknown lead', () => {
    const { state } = given(opened);
    const unknownEvent = { type: 'SomethingElse', data: {}, meta: {} };
    expect(evolveContact(state, unknownEvent as never)).toBe(state);
    const known = rest.find((event) => event.type === 'InteractionRecorded')!;
    const ofUnknownLead = { ...known, id: 'i-9', data: { ...known.data, leadId: leadId(9) } };
    expect(evolveContact(state, ofUnknownLead as never)).toMatchObject({ leads: state.known ? state.leads : [] });
  });
});

describe('Commands on an unknown lead', () => {
  it.each([
    ['status', changeStatus('lost', { leadId: leadId(2) })],
    ['follow-up', createFollowUp({ leadId: 'elsewhere-1' })],
    ['message', outbound({ leadId: '' })],
    ['reschedule', reschedule('13:00', { leadId: '__proto__' })],
  ])('rejects a command on an unknown lead: %s', (_, command) => {
    given(opened).when(command).thenRefused('not_found', { what: 'lead' });
    given().when(command).thenRefused('not_found', { what: 'lead' });
  });
});

describe('Backdated commands', () => {
  const atEleven = at('11:00', nextMessage);

  it('the events of a backdated command have its time', () => {
    const scenario = given().backdatedTo('2025-06-01T08:00:00.000Z').and(opened);
    expect(foldedLead(scenario)).toMatchObject({
      createdAt: '2025-06-01T08:00:00.000Z',
      lastInteractionAt: '2025-06-01T08:00:00.000Z',
    });
  });

  it("rejects a backdated command before the contact's last command", () => {
    given(opened, atEleven)
      .backdatedTo('10:59:59.999')
      .when(changeStatus('qualified'))
      .thenInvalid('commandTime', 'before_last_command');
    given(opened, atEleven)
      .backdatedTo('11:00')
      .when(changeStatus('qualified'))
      .then({
        type: 'LeadStatusChanged',
        data: { leadId: leadId(1), from: 'new', to: 'qualified' },
        personal: { reason: null, note: null },
      });
  });

  it('a backdated command must not be before the latest command, even if that is not the last one recorded', () =>
    given(at('11:00', opened), at('10:00', createFollowUp()))
      .backdatedTo('10:30')
      .when(changeStatus('qualified'))
      .thenInvalid('commandTime', 'before_last_command'));

  it('a backdated command is compared with the time of commands, not of senders', () => {
    const fromTheFuture = at('10:00', interaction({ messageId: 'm-2', occurredAt: sentAt('10:04:00') }));
    given(opened, fromTheFuture)
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

  it('a backdated command must not be before a command of a person, but may be before one of an automation', () => {
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

  it("a backdated command must not be before an agent's message or an opt-out", () => {
    const scenario = at('10:00', by(agentActor('ana'), outbound({ sentAt: time('08:00') })));
    given(opened, scenario).backdatedTo('09:30').when(nextMessage).thenInvalid('commandTime', 'before_last_command');
    const stop = at('10:00', interaction({ messageId: 'm-9', text: 'stop', occurredAt: sentAt('08:00:00') }));
    given(opened, stop).backdatedTo('09:30').when(nextMessage).thenInvalid('commandTime', 'before_last_command');
  });

  it('a backdated command may be before a reminder and an AI score', () => {
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

  it('a backdated broadcast may be before the last command, and is not a last command itself', () => {
    given(opened, atEleven)
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

  it('a backdated command that changes nothing is not rejected', () =>
    given(opened, atEleven).backdatedTo('08:00').when(opened).thenNothing());

  it('a command that is rejected for another reason gets that refusal, not the one for backdating', () =>
    given(opened, at('11:00', lost)).backdatedTo('08:00').when(lost).thenRefused('lead_inactive'));

  it('a command that is not backdated may be before the last one, because clocks may differ', () =>
    given(opened, atEleven)
      .at('10:00')
      .when(interaction({ messageId: 'm-3' }))
      .then({
        ...interactionRecorded(1, 'm-3', { receivedAt: time('10:00') }, time('10:00')),
      }));

  it('the due time of a follow-up is compared with the time of the backdated command', () => {
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
