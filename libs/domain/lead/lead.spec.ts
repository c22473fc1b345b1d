import { describe, expect, it } from '@jest/globals';
import type { NewEvent } from '#domain/event-envelope';
import { isRefusal, refusals, refuse } from '#domain/refusal';
import {
  agentActor,
  aiFailure,
  aiResult,
  archived,
  assign,
  at,
  broadcast,
  by,
  secondInteraction,
  campaign,
  cancelFollowUp,
  changeStatus,
  completeFollowUp,
  createFollowUp,
  createLead,
  gateway,
  given,
  interaction,
  interactionId,
  activeAgent,
  foldedLead,
  leadId,
  lost,
  opened,
  outbound,
  outboundId,
  remind,
  reschedule,
  scoreByHand,
  scorer,
  sentAt,
  time,
  unassign,
  unpin,
  type ContactStep,
} from '#test/support/given-when-then';
import type { LeadEvent } from './lead.events.js';
import { toFollowUpResource } from '#resources/follow-up.resource';
import { toLeadResource } from '#resources/lead.resource';
import { activeStatuses, finalStatuses, isFinal, statuses, type Status } from './lead.vocabulary.js';
import { evolveLead, evolveWaitingSince } from './lead.evolve.js';

type Of<T extends LeadEvent['type']> = Extract<NewEvent<LeadEvent>, { type: T }>;

const ana = agentActor('ana');
const id = leadId(1);
type Words = { reason: string | null; note: string | null };
const noWords: Words = { reason: null, note: null };

const statusChanged = (from: Status, to: Status, words: Partial<Words> = {}): Of<'LeadStatusChanged'> => ({
  type: 'LeadStatusChanged',
  data: { leadId: id, from, to },
  personal: { ...noWords, ...words },
});

const scoredByHand = (from: number | null, to: number, words: Partial<Words> = {}): Of<'LeadScored'> => ({
  type: 'LeadScored',
  data: { leadId: id, from, to, source: 'manual', ai: null },
  personal: { rationale: null, factors: [], ...noWords, ...words },
});

const rationale = { rationale: 'Asked for a price', factors: [{ label: 'price', weight: 0.7 }] };
/** What the model went by: it had read this many interactions, up to this message. */
const having = (read: number, upTo: string | null) => ({
  model: 'model-1',
  modelVersion: '1.0',
  readUpTo: upTo === null ? null : interactionId(upTo),
  read,
});
const read1 = having(1, 'm-1');

const scoredByAi = (from: number | null, to: number, ai: Of<'LeadScored'>['data']['ai'] = read1): Of<'LeadScored'> => ({
  type: 'LeadScored',
  data: { leadId: id, from, to, source: 'ai', ai },
  personal: { ...rationale, ...noWords },
});
const suggested = (score: number, ai = read1): Of<'ScoreSuggested'> => ({
  type: 'ScoreSuggested',
  data: { leadId: id, score, ...ai },
  personal: rationale,
});
const dropped = (why: 'lead_inactive' | 'stale', score: number, ai = read1): Of<'AiResultDropped'> => ({
  type: 'AiResultDropped',
  data: { leadId: id, why, score, ...ai },
  personal: rationale,
});

const assigned = (from: string | null, to: string, followUps: string[] = []): Of<'LeadAssigned'> => ({
  type: 'LeadAssigned',
  data: { leadId: id, from, to, mode: 'manual', followUps },
  personal: { note: null },
});

const followUpCreated = (
  data: Partial<Of<'FollowUpCreated'>['data']> = {},
  note: string | null = null,
): Of<'FollowUpCreated'> => ({
  type: 'FollowUpCreated',
  data: { leadId: id, followUpId: 'f-1', dueAt: time('17:00'), assigneeId: null, ...data },
  personal: { contactId: 'contact-1', note },
});
const followUpCancelled = (
  followUpId: string,
  why: 'lead_inactive' | 'asked',
  reason: string | null = null,
): Of<'FollowUpCancelled'> => ({
  type: 'FollowUpCancelled',
  data: { leadId: id, followUpId, why },
  personal: { reason },
});

const messageRecorded = (
  messageId = 'out-1',
  channel: 'whatsapp' | 'sms' = 'whatsapp',
  occurredAt = time('12:00'),
): Of<'OutboundMessageRecorded'> => ({
  type: 'OutboundMessageRecorded',
  id: outboundId(messageId, channel),
  occurredAt,
  data: { leadId: id, channel, messageId, receivedAt: time('12:00') },
  personal: { text: 'Good morning' },
});

/** Closed at 10:00. */
const closings = finalStatuses.map((status) => ({ status, closed: at('10:00', changeStatus(status)) }));

describe('Status', () => {
  const pairs = activeStatuses.flatMap((from) => statuses.filter((to) => to !== from).map((to) => [from, to] as const));

  it.each(pairs)('may change from %s to %s', (from, to) =>
    given(opened, ...(from === 'new' ? [] : [changeStatus(from)]))
      .when(changeStatus(to))
      .then(statusChanged(from, to)),
  );

  it.each(activeStatuses)('%s again is no change', (status) =>
    given(opened, changeStatus(status)).when(changeStatus(status)).thenNothing(),
  );

  it('is no change when nothing is asked', () => given(opened).when(changeStatus(null)).thenNothing());

  it('keeps the reason and the note given with a change', () =>
    given(opened)
      .when(changeStatus('qualified', { reason: 'Has a budget', note: 'Call on Monday' }))
      .then(statusChanged('new', 'qualified', { reason: 'Has a budget', note: 'Call on Monday' })));

  it('again with a reason or a note is recorded and counts as a change, each time', () => {
    const noted = changeStatus('new', { note: 'Speaks Spanish' });
    given(opened)
      .when(noted)
      .then(statusChanged('new', 'new', { note: 'Speaks Spanish' }));
    given(opened, noted)
      .when(noted)
      .then(statusChanged('new', 'new', { note: 'Speaks Spanish' }));
    given(opened)
      .when(changeStatus(null, { reason: 'By phone' }))
      .then(statusChanged('new', 'new', { reason: 'By phone' }));
  });

  it('the same with a new score changes the score alone', () =>
    given(opened)
      .when(changeStatus('new', { score: 40 }))
      .then(scoredByHand(null, 40)));

  it('the same with a new score keeps reason and note with the score', () =>
    given(opened)
      .when(changeStatus('new', { score: 40, reason: 'Big order', note: 'Call back' }))
      .then(scoredByHand(null, 40, { reason: 'Big order', note: 'Call back' })));

  it('another with a new score changes both, the words with the status', () =>
    given(opened)
      .when(changeStatus('qualified', { score: 90, reason: 'Big order' }))
      .then(scoredByHand(null, 90), statusChanged('new', 'qualified', { reason: 'Big order' })));

  it('another with the score that it has by hand changes the status alone', () =>
    given(opened, scoreByHand(90))
      .when(changeStatus('qualified', { score: 90 }))
      .then(statusChanged('new', 'qualified')));

  it('the same with the score that it has by hand is no change, but a note still counts', () => {
    given(opened, scoreByHand(90))
      .when(changeStatus('new', { score: 90 }))
      .thenNothing();
    given(opened, scoreByHand(90))
      .when(changeStatus('new', { score: 90, note: 'Sure of it' }))
      .then(statusChanged('new', 'new', { note: 'Sure of it' }));
  });

  describe('lost', () => {
    const strict = { lostNeedsReason: true };
    const withReason = changeStatus('lost', { reason: 'Too dear' });

    it('needs no reason', () => given(opened).when(lost).then(statusChanged('new', 'lost')));

    it('needs a reason where the organization says so', () => {
      given(opened).where(strict).when(lost).thenInvalid('reason', 'required');
      given(opened)
        .where(strict)
        .when(changeStatus('lost', { note: 'A note is no reason' }))
        .thenInvalid('reason', 'required');
      given(opened)
        .where(strict)
        .when(changeStatus('lost', { reason: ' ' }))
        .thenInvalid('reason', 'required');
      given(opened)
        .where(strict)
        .when(withReason)
        .then(statusChanged('new', 'lost', { reason: 'Too dear' }));
    });

    it('is the only status that does', () => {
      given(opened).where(strict).when(archived).then(statusChanged('new', 'archived'));
      given(opened).where(strict).when(changeStatus('qualified')).then(statusChanged('new', 'qualified'));
    });
  });

  describe('of an inactive lead', () => {
    const refused = (leadStatus: (typeof finalStatuses)[number], activeLeadId: string | null = null) =>
      ['lead_inactive', { leadId: id, leadStatus, inactiveSince: time('10:00'), activeLeadId }] as const;

    describe.each(closings)('$status', ({ status, closed }) => {
      it.each(statuses)('does not change to %s', (to) =>
        given(opened, closed)
          .when(changeStatus(to))
          .thenRefused(...refused(status)),
      );

      it('takes no score and no note', () => {
        given(opened, closed)
          .when(scoreByHand(50))
          .thenRefused(...refused(status));
        given(opened, closed)
          .when(changeStatus(status, { note: 'By the way' }))
          .thenRefused(...refused(status));
      });

      it('names the active lead that the contact has by now', () =>
        given(opened, closed, at('11:00', secondInteraction))
          .when(changeStatus('qualified'))
          .thenRefused(...refused(status, leadId(2))));

      it.each([['bulk', agentActor('ana')] as const, ['automation', { type: 'system', id: 'rules' } as const]])(
        'is refused to %s too',
        (_, actor) =>
          given(opened, closed)
            .by(actor)
            .when(changeStatus('contacted'))
            .thenRefused(...refused(status)),
      );
    });
  });

  describe("after an agent's first message", () => {
    const caused = (messageId = 'out-1'): Of<'LeadStatusChanged'> => ({
      ...statusChanged('new', 'contacted'),
      actor: { type: 'system', id: 'first-message' },
      causation: outboundId(messageId),
    });

    it('moves from new to contacted, by the system, because of that message', () => {
      given(opened).by(ana).when(outbound()).then(messageRecorded(), caused());
      const told = given(opened, at('10:00', by(ana, outbound()))).events.at(-1);
      expect(told).toMatchObject({
        type: 'LeadStatusChanged',
        meta: { actor: { type: 'system' }, causation: outboundId('out-1'), occurredAt: time('10:00') },
      });
    });

    it('moves at the time of the command, also when the message was sent before', () =>
      given(opened)
        .by(ana)
        .when(outbound({ sentAt: time('11:00') }))
        .then(messageRecorded('out-1', 'whatsapp', time('11:00')), caused()));

    it('stays where a second message finds it, also when automation had set it back', () => {
      for (const actor of [gateway, { type: 'system', id: 'rules' } as const])
        given(opened, by(ana, outbound()), by(actor, changeStatus('new')))
          .by(ana)
          .when(outbound({ messageId: 'out-2' }))
          .then(messageRecorded('out-2'));
    });

    it.each(activeStatuses.filter((it) => it !== 'new'))('stays %s', (status) =>
      given(opened, changeStatus(status)).by(ana).when(outbound()).then(messageRecorded()),
    );

    it.each([ana, gateway])('stays new when a person said so: $type', (actor) =>
      given(opened, by(actor, changeStatus('qualified')), by(actor, changeStatus('new')))
        .by(ana)
        .when(outbound())
        .then(messageRecorded()),
    );

    it('moves when only automation had changed it', () => {
      const rules = { type: 'system', id: 'rules' } as const;
      given(opened, by(rules, changeStatus('qualifying')), by(rules, changeStatus('new')))
        .by(ana)
        .when(outbound())
        .then(messageRecorded(), caused());
    });

    it('stays where automation had moved it to', () =>
      given(opened, by({ type: 'system', id: 'rules' }, changeStatus('qualifying')))
        .by(ana)
        .when(outbound())
        .then(messageRecorded()));

    it('stays where the organization switched it off', () =>
      given(opened).where({ firstMessageMakesContacted: false }).by(ana).when(outbound()).then(messageRecorded()));

    it.each(closings)('stays $status', ({ closed }) =>
      given(opened, closed).by(ana).when(outbound()).then(messageRecorded()),
    );
  });
});

describe('Messages of an agent', () => {
  const first = by(ana, outbound());

  it('are recorded once', () => {
    given(opened, first).by(ana).when(outbound()).thenNothing();
    given(opened, first)
      .by(ana)
      .when(outbound({ text: 'Edited' }))
      .thenNothing();
    given(opened, first, lost).by(ana).when(outbound()).thenNothing();
  });

  it('are known by channel and message id', () =>
    given(opened, first)
      .by(ana)
      .when(outbound({ channel: 'sms' }))
      .then(messageRecorded('out-1', 'sms')));

  it('go out on the channel of the lead unless another is named', () => {
    given(interaction({ channel: 'sms' }), changeStatus('contacted'))
      .when(outbound())
      .then(messageRecorded('out-1', 'sms'));
    given(opened, changeStatus('contacted'))
      .when(outbound({ channel: 'sms' }))
      .then(messageRecorded('out-1', 'sms'));
  });

  it('need a channel when the lead has none', () => {
    given(createLead()).when(outbound()).thenInvalid('channel', 'required');
    given(createLead(), changeStatus('contacted'))
      .when(outbound({ channel: 'whatsapp' }))
      .then(messageRecorded());
  });

  it('are refused when they lie more than 5 minutes ahead', () => {
    given(opened, changeStatus('contacted'))
      .when(outbound({ sentAt: time('12:05') }))
      .then(messageRecorded('out-1', 'whatsapp', time('12:05')));
    given(opened)
      .when(outbound({ sentAt: time('12:05:00.001') }))
      .thenInvalid('sentAt', 'in_future');
  });

  it('are no interaction', () => {
    const told = foldedLead(given(opened, at('11:00', first)));
    expect(told).toMatchObject({ lastInteractionAt: time('09:00'), updatedAt: time('11:00') });
  });
});

describe('Closing a lead', () => {
  const followUps = [createFollowUp(), createFollowUp({ followUpId: 'f-2' }), createFollowUp({ followUpId: 'f-3' })];

  it.each(finalStatuses)('as %s cancels its open follow-ups in the same append', (status) =>
    given(opened, ...followUps, completeFollowUp({ followUpId: 'f-2' }))
      .when(changeStatus(status, { reason: 'Done' }))
      .then(
        statusChanged('new', status, { reason: 'Done' }),
        followUpCancelled('f-1', 'lead_inactive'),
        followUpCancelled('f-3', 'lead_inactive'),
      ),
  );

  it('leaves its follow-ups alone as long as it stays active', () =>
    given(opened, ...followUps)
      .when(changeStatus('follow_up'))
      .then(statusChanged('new', 'follow_up')));

  it('with a last score keeps that score', () =>
    given(opened)
      .when(changeStatus('converted', { score: 100 }))
      .then(scoredByHand(null, 100), statusChanged('new', 'converted')));

  describe.each(closings)('as $status', ({ status, closed }) => {
    const history = [opened, assign('ana'), aiResult(70), createFollowUp(), closed];

    it('keeps the last agent and the score on record', () =>
      expect(foldedLead(given(...history))).toMatchObject({
        active: false,
        status,
        closedAt: time('10:00'),
        statusChangedAt: time('10:00'),
        agentId: 'ana',
        qualification: { score: 70 },
      }));

    it.each([
      ['an agent assigned', assign('ben')],
      ['the same agent assigned', assign('ana')],
      ['an unknown agent assigned', assign({ id: 'nobody', status: 'unknown' })],
      ['an agent taken away', unassign()],
      ['a follow-up created', createFollowUp({ followUpId: 'f-9' })],
      ['a follow-up with its status created', createFollowUp({ followUpId: 'f-9', alsoSetStatus: true })],
      ['its score unpinned', unpin()],
      ['its status changed', changeStatus('new')],
      ['its score changed', scoreByHand(1)],
    ])('lets it not have %s', (_, command) =>
      given(...history)
        .by(ana)
        .when(command)
        .thenRefused('lead_inactive', {
          leadId: id,
          leadStatus: status,
          inactiveSince: time('10:00'),
          activeLeadId: null,
        }),
    );

    it('drops a later AI result with a trace, once', () => {
      given(...history)
        .by(scorer)
        .when(aiResult(80))
        .then(dropped('lead_inactive', 80));
      given(...history, aiResult(80))
        .by(scorer)
        .when(aiResult(80))
        .thenNothing();
      given(...history, aiResult(80))
        .by(scorer)
        .when(aiResult(81))
        .then(dropped('lead_inactive', 81));
      expect(foldedLead(given(...history, aiResult(80))).qualification).toStrictEqual(
        foldedLead(given(...history)).qualification,
      );
    });

    it('drops an AI result although its contact has an active lead by now', () =>
      given(...history, at('11:00', secondInteraction))
        .by(scorer)
        .when(aiResult(80))
        .then(dropped('lead_inactive', 80)));

    it('still records the chat and late interactions', () => {
      given(...history)
        .by(ana)
        .when(outbound())
        .then(messageRecorded());
      const onItsWay = interaction({ messageId: 'm-2', occurredAt: sentAt('09:59:00') });
      expect(foldedLead(given(...history, at('11:00', onItsWay)))).toMatchObject({
        active: false,
        status,
        lastInteractionAt: time('09:59'),
        version: foldedLead(given(...history)).version + 1,
      });
    });

    it('has cancelled its follow-ups for good', () => {
      given(...history)
        .when(completeFollowUp())
        .thenRefused('follow_up_cancelled', { followUpId: 'f-1' });
      given(...history)
        .when(reschedule('18:00'))
        .thenRefused('follow_up_cancelled', { followUpId: 'f-1' });
      given(...history)
        .when(cancelFollowUp())
        .thenNothing();
      expect(foldedLead(given(...history)).followUps).toMatchObject([
        { state: 'cancelled', closedAt: time('10:00'), closedReason: 'lead_inactive' },
      ]);
    });
  });
});

describe('Score', () => {
  const wrong: readonly unknown[] = [-1, 101, 73.5, '80', NaN, Infinity, -Infinity, true, [50], {}];

  it.each([0, 1, 73, 99, 100])('%d is one', (score) => {
    given(opened).when(scoreByHand(score)).then(scoredByHand(null, score));
    given(opened).by(scorer).when(aiResult(score)).then(scoredByAi(null, score));
  });

  it.each(wrong)('%j is none, and nothing is rounded or clamped', (score) => {
    given(opened)
      .when(scoreByHand(score as number))
      .thenInvalid('score', 'not_a_score');
    given(opened)
      .when(changeStatus('qualified', { score: score as number }))
      .thenInvalid('score', 'not_a_score');
    given(opened)
      .when(aiResult(score as number))
      .thenInvalid('score', 'not_a_score');
    given(opened, lost)
      .when(aiResult(score as number))
      .thenInvalid('score', 'not_a_score');
  });

  it('is null until the first', () => {
    expect(foldedLead(given(opened)).qualification).toStrictEqual({
      score: null,
      source: null,
      pinned: false,
      model: null,
      modelVersion: null,
      rationale: null,
      factors: [],
      scoredAt: null,
      suggestion: null,
    });
  });

  it('keeps from and to', () => {
    given(opened, scoreByHand(40)).when(scoreByHand(60)).then(scoredByHand(40, 60));
    given(opened, aiResult(40)).when(aiResult(60)).then(scoredByAi(40, 60));
    given(opened, aiResult(40)).when(scoreByHand(60)).then(scoredByHand(40, 60));
  });

  it('never moves a status', () => {
    for (const command of [scoreByHand(100), aiResult(100), scoreByHand(0)])
      expect(foldedLead(given(opened, command))).toMatchObject({ status: 'new', statusChangedAt: time('09:00') });
  });

  describe('of an AI', () => {
    it('keeps model, version, rationale, factors and up to where it had read', () =>
      given(opened).by(scorer).when(aiResult(70)).then(scoredByAi(null, 70)));

    it('may lack a version, a rationale and factors', () =>
      given(opened)
        .when(aiResult(70, { modelVersion: null, rationale: null, factors: [] }))
        .then({
          ...scoredByAi(null, 70, { ...read1, modelVersion: null }),
          personal: { rationale: null, factors: [], ...noWords },
        }));

    it('had read up to the newest interaction unless it says otherwise', () => {
      const two = [opened, interaction({ messageId: 'm-2' })];
      given(...two)
        .when(aiResult(70))
        .then(scoredByAi(null, 70, having(2, 'm-2')));
      given(...two)
        .when(aiResult(70, { readUpTo: interactionId('m-1') }))
        .then(scoredByAi(null, 70, having(1, 'm-1')));
    });

    it('may have read nothing where there is nothing to read', () =>
      given(createLead())
        .when(aiResult(70))
        .then(scoredByAi(null, 70, having(0, null))));

    it('cannot have read what the lead does not have: nothing, an opt-out, what is on another lead', () => {
      const refused = { what: 'interaction' } as const;
      given(opened)
        .when(aiResult(70, { readUpTo: 'unheard-of' }))
        .thenRefused('not_found', refused);
      given(opened, interaction({ messageId: 'm-2', text: 'stop' }))
        .when(aiResult(70, { readUpTo: interactionId('m-2') }))
        .thenRefused('not_found', refused);
      given(opened, lost, secondInteraction)
        .when(aiResult(70, { readUpTo: interactionId('m-2') }))
        .thenRefused('not_found', refused);
      given(opened, lost, secondInteraction)
        .when(aiResult(70, { leadId: leadId(2), readUpTo: interactionId('m-1') }))
        .thenRefused('not_found', refused);
    });

    it('again is no change; of another model or for another reason it is', () => {
      given(opened, aiResult(70)).when(aiResult(70)).thenNothing();
      given(opened, aiResult(70))
        .when(aiResult(70, { model: 'model-2' }))
        .then(scoredByAi(70, 70, { ...read1, model: 'model-2' }));
      given(opened, aiResult(70))
        .when(aiResult(70, { modelVersion: '1.1' }))
        .then(scoredByAi(70, 70, { ...read1, modelVersion: '1.1' }));
      given(opened, aiResult(70))
        .when(aiResult(70, { rationale: 'Asked for a date' }))
        .then({ ...scoredByAi(70, 70), personal: { ...rationale, rationale: 'Asked for a date', ...noWords } });
      given(opened, aiResult(70), interaction({ messageId: 'm-2' }))
        .when(aiResult(70))
        .then(scoredByAi(70, 70, having(2, 'm-2')));
    });

    it('that had read less than the newest accepted one is dropped with a trace, once', () => {
      const two = [opened, interaction({ messageId: 'm-2' }), aiResult(70)];
      const stale = aiResult(30, { readUpTo: interactionId('m-1') });
      given(...two)
        .when(stale)
        .then(dropped('stale', 30));
      given(...two, stale)
        .when(stale)
        .thenNothing();
      expect(foldedLead(given(...two, stale)).qualification.score).toBe(70);
    });

    it('that had read as much or more wins', () => {
      given(opened, aiResult(70)).when(aiResult(30)).then(scoredByAi(70, 30));
      given(opened, aiResult(70), interaction({ messageId: 'm-2' }))
        .when(aiResult(30))
        .then(scoredByAi(70, 30, having(2, 'm-2')));
    });
  });

  describe('of an AI that failed', () => {
    const failed = { type: 'QualificationFailed' } as const;
    const because = {
      leadId: id,
      model: 'model-1',
      readUpTo: interactionId('m-1'),
      read: 1,
      reason: 'it took too long',
    };
    const newer = aiFailure({ readUpTo: interactionId('m-2') });

    it('stays as it is, and a trace is left, once for what it was given', () => {
      given(opened)
        .when(aiFailure())
        .then({ ...failed, data: because });
      given(opened, aiFailure()).when(aiFailure()).thenNothing();
      given(opened, aiFailure(), interaction({ messageId: 'm-2' }))
        .when(newer)
        .then({ ...failed, data: { ...because, readUpTo: interactionId('m-2'), read: 2 } });
      expect(
        foldedLead(given(opened, aiResult(40), interaction({ messageId: 'm-2' }), newer)).qualification.score,
      ).toBe(40);
    });

    it('is not told of when a result has come, or the lead is closed', () => {
      given(opened, aiResult(40)).when(aiFailure()).thenNothing();
      given(opened, lost).when(aiFailure()).thenNothing();
    });

    it('names an interaction of the lead', () =>
      given(opened).when(newer).thenRefused('not_found', { what: 'interaction' }));
  });

  describe('by hand', () => {
    const pinned = [opened, aiResult(70), scoreByHand(40)];

    it('pins', () =>
      expect(foldedLead(given(...pinned)).qualification).toMatchObject({ score: 40, source: 'manual', pinned: true }));

    it('again is no change', () =>
      given(...pinned)
        .when(scoreByHand(40))
        .thenNothing());

    it("pins the AI's own score too", () =>
      given(opened, aiResult(70)).when(scoreByHand(70)).then(scoredByHand(70, 70)));

    it('pins again after it was unpinned', () =>
      given(...pinned, unpin())
        .when(scoreByHand(40))
        .then(scoredByHand(40, 40)));

    it('makes later AI results suggestions that leave the score alone', () => {
      given(...pinned)
        .by(scorer)
        .when(aiResult(90))
        .then(suggested(90));
      expect(foldedLead(given(...pinned, at('11:00', aiResult(90)))).qualification).toStrictEqual({
        score: 40,
        source: 'manual',
        pinned: true,
        model: null,
        modelVersion: null,
        rationale: null,
        factors: [],
        scoredAt: time('09:02'),
        suggestion: { score: 90, model: 'model-1', modelVersion: '1.0', ...rationale, suggestedAt: time('11:00') },
      });
    });

    it('keeps the newest suggestion, each once', () => {
      given(...pinned, aiResult(90))
        .when(aiResult(90))
        .thenNothing();
      given(...pinned, aiResult(90))
        .when(aiResult(91))
        .then(suggested(91));
      expect(foldedLead(given(...pinned, aiResult(90), aiResult(91))).qualification.suggestion).toMatchObject({
        score: 91,
      });
      given(...pinned, aiResult(90), interaction({ messageId: 'm-2' }))
        .when(aiResult(90))
        .then(suggested(90, having(2, 'm-2')));
    });

    it('leaves the suggestion as it is', () => {
      const { suggestion } = foldedLead(given(...pinned, aiResult(90))).qualification;
      expect(foldedLead(given(...pinned, aiResult(90), scoreByHand(50))).qualification).toMatchObject({
        score: 50,
        suggestion,
      });
    });

    it('drops a suggestion that had read less than the one kept, or than the newest accepted result', () => {
      const two = [...pinned, interaction({ messageId: 'm-2' }), aiResult(90)];
      given(...two)
        .when(aiResult(10, { readUpTo: interactionId('m-1') }))
        .then(dropped('stale', 10));
      given(opened, interaction({ messageId: 'm-2' }), aiResult(70), scoreByHand(40))
        .when(aiResult(10, { readUpTo: interactionId('m-1') }))
        .then(dropped('stale', 10));
    });

    it('is unpinned by somebody, which leaves score and suggestion as they are', () => {
      given(...pinned)
        .when(unpin())
        .then({ type: 'ScoreUnpinned', data: { leadId: id } });
      const before = foldedLead(given(...pinned, aiResult(90))).qualification;
      expect(foldedLead(given(...pinned, aiResult(90), unpin())).qualification).toStrictEqual({
        ...before,
        pinned: false,
      });
    });

    it('unpinned gives way to the next AI result, which clears the suggestion', () => {
      given(...pinned, aiResult(90), unpin())
        .when(aiResult(91))
        .then(scoredByAi(40, 91));
      given(...pinned, aiResult(90), unpin())
        .when(aiResult(90))
        .then(scoredByAi(40, 90));
      expect(foldedLead(given(...pinned, aiResult(90), unpin(), aiResult(91))).qualification).toMatchObject({
        score: 91,
        source: 'ai',
        pinned: false,
        suggestion: null,
      });
    });

    it('is unpinned once, and not when it never was pinned', () => {
      given(...pinned, unpin())
        .when(unpin())
        .thenNothing();
      given(opened, aiResult(70)).when(unpin()).thenNothing();
      given(opened).when(unpin()).thenNothing();
    });
  });
});

describe('Agents', () => {
  const unknown = { id: 'nobody', status: 'unknown' } as const;
  const inactive = { id: 'zoe', status: 'inactive' } as const;

  it.each(activeStatuses)('are assigned to a lead that is %s', (status) =>
    given(opened, changeStatus(status)).when(assign('ana')).then(assigned(null, 'ana')),
  );

  it('are reassigned without limit, from and to on record', () => {
    given(opened, assign('ana')).when(assign('ben')).then(assigned('ana', 'ben'));
    given(opened, assign('ana'), assign('ben')).when(assign('ana')).then(assigned('ben', 'ana'));
  });

  it.each(['manual', 'bulk', 'round_robin', 'least_loaded'] as const)('are assigned in a way on record: %s', (mode) => {
    given(opened)
      .when(assign('ana', { mode, note: 'Knows the contact' }))
      .then({
        type: 'LeadAssigned',
        data: { leadId: id, from: null, to: 'ana', mode, followUps: [] },
        personal: { note: 'Knows the contact' },
      });
    given(opened, assign('ana'))
      .when(unassign({ mode }))
      .then({ type: 'LeadUnassigned', data: { leadId: id, from: 'ana', mode } });
  });

  it('must be known and active', () => {
    given(opened).when(assign(unknown)).thenRefused('not_found', { what: 'agent' });
    given(opened).when(assign(inactive)).thenRefused('agent_inactive', { agentId: 'zoe' });
  });

  it('again are no change, even with a note or when deactivated by now', () => {
    given(opened, assign('ana')).when(assign('ana')).thenNothing();
    given(opened, assign('ana'))
      .when(assign('ana', { note: 'Again' }))
      .thenNothing();
    given(opened, assign('zoe')).when(assign(inactive)).thenNothing();
  });

  it('are taken away, once', () => {
    const taken = { type: 'LeadUnassigned', data: { leadId: id, from: 'ana', mode: 'manual' } } as const;
    given(opened, assign('ana')).when(unassign()).then(taken);
    given(opened, assign('ana'), unassign()).when(unassign()).thenNothing();
    given(opened).when(unassign()).thenNothing();
    expect(foldedLead(given(opened, assign('ana'), unassign()))).toMatchObject({ agentId: null, assignedAt: null });
  });

  it('are given a lead by themselves only while it waits, and since when it was seen to', () => {
    const { createdAt: waitingSince } = foldedLead(given(opened));
    const byItself = assign('ana', { mode: 'round_robin', onlyIf: { waitingSince } });
    given(opened)
      .when(byItself)
      .then({
        type: 'LeadAssigned',
        data: { leadId: id, from: null, to: 'ana', mode: 'round_robin', followUps: [] },
        personal: { note: null },
      });
    given(opened, assign('ben')).when(byItself).thenNothing();
    given(opened, assign('ben'), unassign()).when(byItself).thenNothing();
    given(opened, assign('ben'), at('12:30', unassign({ mode: 'agent_deactivated' })))
      .when(byItself)
      .thenNothing();
    given(opened, assign('ben'), at('12:30', unassign({ mode: 'agent_deactivated' })))
      .when(assign('ana', { onlyIf: { waitingSince: time('12:30') } }))
      .then({
        type: 'LeadAssigned',
        data: { leadId: id, from: null, to: 'ana', mode: 'manual', followUps: [] },
        personal: { note: null },
      });
    given(opened, lost).when(byItself).thenRefused('lead_inactive');
  });

  it('that are deactivated are taken away only from that very assignment', () => {
    const assignedAt = foldedLead(given(opened, assign('ana'))).assignedAt ?? '';
    const freed = unassign({ mode: 'agent_deactivated', onlyIf: { agentId: 'ana', assignedAt } });
    given(opened, assign('ana'))
      .when(freed)
      .then({ type: 'LeadUnassigned', data: { leadId: id, from: 'ana', mode: 'agent_deactivated' } });
    given(opened, assign('ana'), assign('ben')).when(freed).thenNothing();
    given(opened).when(freed).thenNothing();
    const earlier = unassign({
      mode: 'agent_deactivated',
      onlyIf: { agentId: 'ana', assignedAt: '2020-01-01T00:00:00.000Z' },
    });
    given(opened, assign('ana')).when(earlier).thenNothing();
    const another = unassign({ mode: 'agent_deactivated', onlyIf: { agentId: 'ben', assignedAt } });
    given(opened, assign('ana')).when(another).thenNothing();
  });

  describe('and the follow-ups of the one before', () => {
    const withFollowUps = [
      opened,
      assign('ana'),
      createFollowUp(),
      createFollowUp({ followUpId: 'f-2' }),
      completeFollowUp({ followUpId: 'f-2' }),
      createFollowUp({ followUpId: 'f-3', assignee: activeAgent('cem') }),
      createFollowUp({ followUpId: 'f-4' }),
    ];
    const assignees = (...steps: readonly ContactStep[]) =>
      Object.fromEntries(foldedLead(given(...steps)).followUps.map((it) => [it.id, it.assigneeId]));

    it('move along while open, those of others stay', () => {
      given(...withFollowUps)
        .when(assign('ben'))
        .then(assigned('ana', 'ben', ['f-1', 'f-4']));
      expect(assignees(...withFollowUps, assign('ben'))).toStrictEqual({
        'f-1': 'ben',
        'f-2': 'ana',
        'f-3': 'cem',
        'f-4': 'ben',
      });
    });

    it('stay when asked to', () => {
      const command = assign('ben', { moveFollowUps: false });
      given(...withFollowUps)
        .when(command)
        .then(assigned('ana', 'ben'));
      expect(assignees(...withFollowUps, command)).toMatchObject({ 'f-1': 'ana', 'f-4': 'ana' });
    });

    it('are those of nobody else: without an agent before, none move', () =>
      given(opened, createFollowUp()).when(assign('ana')).then(assigned(null, 'ana')));
  });
});

describe('Follow-ups', () => {
  it('are created, with a note', () =>
    given(opened)
      .when(createFollowUp({ note: 'Send the offer' }))
      .then(followUpCreated({}, 'Send the offer')));

  it("are for the lead's agent, else for the agent who asks, else for nobody", () => {
    given(opened, assign('ben'))
      .by(ana)
      .when(createFollowUp())
      .then(followUpCreated({ assigneeId: 'ben' }));
    given(opened)
      .by(ana)
      .when(createFollowUp())
      .then(followUpCreated({ assigneeId: 'ana' }));
    given(opened)
      .by(gateway)
      .when(createFollowUp())
      .then(followUpCreated({ assigneeId: null }));
  });

  it('are for whom they name, who must be known and active', () => {
    given(opened, assign('ben'))
      .by(ana)
      .when(createFollowUp({ assignee: activeAgent('cem') }))
      .then(followUpCreated({ assigneeId: 'cem' }));
    given(opened)
      .when(createFollowUp({ assignee: { id: 'nobody', status: 'unknown' } }))
      .thenRefused('not_found', { what: 'agent' });
    given(opened)
      .when(createFollowUp({ assignee: { id: 'zoe', status: 'inactive' } }))
      .thenRefused('agent_inactive', { agentId: 'zoe' });
  });

  it('are not due in the past, but may be due now', () => {
    given(opened)
      .when(createFollowUp({ dueAt: time('11:59:59.999') }))
      .thenInvalid('dueAt', 'in_past');
    given(opened)
      .when(createFollowUp({ dueAt: time('12:00') }))
      .then(followUpCreated({ dueAt: time('12:00') }));
  });

  it('leave the status alone unless asked to set it', () => {
    given(opened)
      .when(createFollowUp({ alsoSetStatus: true }))
      .then(followUpCreated(), statusChanged('new', 'follow_up'));
    given(opened, changeStatus('follow_up'))
      .when(createFollowUp({ alsoSetStatus: true }))
      .then(followUpCreated());
  });

  it('are created once per id', () => given(opened, createFollowUp()).when(createFollowUp()).thenNothing());

  it('are at most 500 open ones per lead', () => {
    const created = (nth: number) => followUpCreated({ followUpId: `f-${nth}` });
    const nearlyFull = given(opened, ...Array.from({ length: 499 }, (_, nth) => at('09:30', created(nth))));
    const full = nearlyFull.and(created(499));
    nearlyFull.when(createFollowUp({ followUpId: 'one-more' })).then(followUpCreated({ followUpId: 'one-more' }));
    full.when(createFollowUp({ followUpId: 'one-more' })).thenRefused('too_many_follow_ups', { most: 500 });
    full.when(createFollowUp()).thenNothing();
    full
      .and(completeFollowUp())
      .when(createFollowUp({ followUpId: 'one-more' }))
      .then(followUpCreated({ followUpId: 'one-more' }));
  });

  it('are not found when there are none', () => {
    for (const command of [completeFollowUp(), cancelFollowUp(), reschedule('18:00')])
      given(opened).when(command).thenRefused('not_found', { what: 'follow-up' });
    given(opened, createFollowUp(), lost, secondInteraction)
      .when(completeFollowUp({ leadId: leadId(2) }))
      .thenRefused('not_found', { what: 'follow-up' });
  });

  describe('when completed', () => {
    const completed = completeFollowUp({ note: 'Spoke to them' });

    it('are so with a note', () =>
      given(opened, createFollowUp())
        .when(completed)
        .then({
          type: 'FollowUpCompleted',
          data: { leadId: id, followUpId: 'f-1' },
          personal: { note: 'Spoke to them' },
        }));

    it('are so once', () => given(opened, createFollowUp(), completed).when(completeFollowUp()).thenNothing());

    it('are neither cancelled nor rescheduled any more', () => {
      const told = given(opened, createFollowUp(), completed);
      told.when(cancelFollowUp()).thenRefused('follow_up_completed', { followUpId: 'f-1' });
      told.when(reschedule('18:00')).thenRefused('follow_up_completed', { followUpId: 'f-1' });
    });

    it('stay completed when the lead is closed', () => {
      given(opened, createFollowUp(), completed).when(lost).then(statusChanged('new', 'lost'));
      given(opened, createFollowUp(), completed, lost).when(completed).thenNothing();
    });
  });

  describe('when cancelled', () => {
    const cancelled = cancelFollowUp({ reason: 'Not needed' });

    it('are so with a reason', () =>
      given(opened, createFollowUp())
        .when(cancelled)
        .then(followUpCancelled('f-1', 'asked', 'Not needed')));

    it('are so once, and keep the reason', () => {
      const told = given(opened, createFollowUp(), cancelled);
      told.when(cancelFollowUp()).thenNothing();
      expect(foldedLead(told).followUps).toMatchObject([{ state: 'cancelled', closedReason: 'Not needed' }]);
    });

    it('are neither completed nor rescheduled any more', () => {
      const told = given(opened, createFollowUp(), cancelled);
      told.when(completeFollowUp()).thenRefused('follow_up_cancelled', { followUpId: 'f-1' });
      told.when(reschedule('18:00')).thenRefused('follow_up_cancelled', { followUpId: 'f-1' });
    });
  });

  describe('when rescheduled', () => {
    const rescheduled = (from: string, to: string, reason: string | null = null): Of<'FollowUpRescheduled'> => ({
      type: 'FollowUpRescheduled',
      data: { leadId: id, followUpId: 'f-1', from: time(from), to: time(to) },
      personal: { reason },
    });

    it('keep their id, and from, to and why are on record', () => {
      given(opened, createFollowUp())
        .when(reschedule('18:00', { reason: 'Was not there' }))
        .then(rescheduled('17:00', '18:00', 'Was not there'));
      given(opened, createFollowUp(), reschedule('18:00'))
        .when(reschedule('16:00'))
        .then(rescheduled('18:00', '16:00'));
      expect(foldedLead(given(opened, createFollowUp(), reschedule('18:00'))).followUps).toMatchObject([
        { id: 'f-1', dueAt: time('18:00'), state: 'open' },
      ]);
    });

    it('are not due in the past', () =>
      given(opened, createFollowUp()).when(reschedule('11:00')).thenInvalid('dueAt', 'in_past'));

    it('to the same time stay as they are, also when that is past by now', () => {
      given(opened, createFollowUp()).when(reschedule('17:00')).thenNothing();
      given(opened, createFollowUp()).at('18:00').when(reschedule('17:00')).thenNothing();
    });

    it('may be so when overdue', () =>
      given(opened, createFollowUp()).at('18:00').when(reschedule('19:00')).then(rescheduled('17:00', '19:00')));
  });

  describe('when their time has come', () => {
    const made = [opened, assign('ana'), createFollowUp()] as const;
    const reminded = (of: Partial<Of<'FollowUpReminded'>['data']> = {}): Of<'FollowUpReminded'> => ({
      type: 'FollowUpReminded',
      data: { leadId: id, followUpId: 'f-1', dueAt: time('17:00'), assigneeId: 'ana', late: false, ...of },
    });

    it('are reminded of, not before', () => {
      given(...made)
        .at('16:59:59.999')
        .when(remind())
        .thenNothing();
      given(...made)
        .at('17:00')
        .when(remind())
        .then(reminded());
    });

    it('are told as late after more than a minute', () => {
      given(...made)
        .at('17:01')
        .when(remind())
        .then(reminded());
      given(...made)
        .at('17:01:00.001')
        .when(remind())
        .then(reminded({ late: true }));
    });

    it('are reminded of once, whoever they belong to by then', () => {
      const told = given(...made, at('17:00', remind()), assign('ben')).at('17:30');
      told.when(remind()).thenNothing();
      expect(foldedLead(told).followUps).toMatchObject([{ state: 'open', remindedAt: time('17:00') }]);
    });

    it('are left alone when they are due at another time by now', () => {
      const told = given(...made, reschedule('18:00'));
      told.at('17:00').when(remind('17:00')).thenNothing();
      told.at('18:00').when(remind('17:00')).thenNothing();
      told
        .at('18:00')
        .when(remind('18:00'))
        .then(reminded({ dueAt: time('18:00') }));
    });

    it('are reminded of anew when they were rescheduled', () => {
      const told = given(...made, at('17:00', remind()), at('17:10', reschedule('18:00')));
      told
        .at('18:00')
        .when(remind('18:00'))
        .then(reminded({ dueAt: time('18:00') }));
      expect(foldedLead(told).followUps).toMatchObject([{ remindedAt: null }]);
    });

    it.each([completeFollowUp(), cancelFollowUp(), changeStatus('lost'), archived])(
      'are silent once closed: %j',
      (close) =>
        given(...made, close)
          .at('17:00')
          .when(remind())
          .thenNothing(),
    );

    it('must be there', () => given(opened).at('17:00').when(remind()).thenRefused('not_found', { what: 'follow-up' }));
  });

  it('are overdue by the clock while open', () => {
    const shown = (now: string, ...steps: readonly ContactStep[]) => {
      const told = foldedLead(given(opened, createFollowUp(), ...steps));
      return told.followUps.map((it) => toFollowUpResource(it, told, () => 'Agent One', time(now)).overdue);
    };
    expect(shown('17:00')).toStrictEqual([false]);
    expect(shown('17:00:00.001')).toStrictEqual([true]);
    expect(shown('18:00', completeFollowUp())).toStrictEqual([false]);
    expect(shown('18:00', cancelFollowUp())).toStrictEqual([false]);
    expect(shown('18:00', reschedule('19:00'))).toStrictEqual([false]);
  });
});

describe('A lead as folded', () => {
  const profile = { name: 'Contact One', phone: '+15550100', email: 'one@example.test' };
  const names = (agentId: string) => (agentId === 'ana' ? 'Agent One' : null);
  const told = given(
    at('08:00', broadcast()),
    at('09:00', interaction({ kind: 'broadcast_reply', inReplyTo: 'bm-1', profile })),
    at('09:10', aiResult(72)),
    at('09:20', by(ana, outbound())),
    at('09:30', assign('ana')),
    at('09:40', createFollowUp({ note: 'Send the offer' })),
    at('09:50', createFollowUp({ followUpId: 'f-2', dueAt: time('15:00') })),
  );

  it('is what the API shows of it', () =>
    expect(toLeadResource(foldedLead(told), names)).toStrictEqual({
      id,
      contactId: 'contact-1',
      ordinal: 1,
      previousLeadId: null,
      contact: profile,
      channel: 'whatsapp',
      origin: {
        kind: 'broadcast_reply',
        attribution: 'exact',
        broadcastId: 'b-1',
        campaign,
        interactionId: interactionId('m-1'),
      },
      status: 'contacted',
      active: true,
      statusChangedAt: time('09:20'),
      closedAt: null,
      reason: null,
      qualification: {
        score: 72,
        source: 'ai',
        pinned: false,
        model: 'model-1',
        modelVersion: '1.0',
        ...rationale,
        scoredAt: time('09:10'),
        suggestion: null,
      },
      agent: { id: 'ana', name: 'Agent One' },
      assignedAt: time('09:30'),
      followUps: { open: 2, nextDueAt: time('15:00'), nextId: 'f-2' },
      lastInteractionAt: time('09:00'),
      createdAt: time('09:00'),
      updatedAt: time('09:50'),
      version: 8,
      actions: { changeStatus: true, assign: true, createFollowUp: true, viewHistory: true, openChat: true },
    }));

  it('shows a closed lead as one that can still be viewed and its chat opened', () =>
    expect(
      toLeadResource(foldedLead(told.at('10:00').and(changeStatus('lost', { reason: 'Too dear' }))), names),
    ).toMatchObject({
      status: 'lost',
      active: false,
      statusChangedAt: time('10:00'),
      closedAt: time('10:00'),
      reason: 'Too dear',
      agent: { id: 'ana' },
      followUps: { open: 0, nextDueAt: null, nextId: null },
      version: 11,
      actions: { changeStatus: false, assign: false, createFollowUp: false, viewHistory: true, openChat: true },
    }));

  it('shows nobody and nothing as null', () => {
    const { agent: nobody, ...shown } = toLeadResource(foldedLead(given(createLead())), names);
    expect(nobody).toBeNull();
    expect(shown).toMatchObject({
      contact: { name: null, phone: null, email: null },
      channel: null,
      previousLeadId: null,
      assignedAt: null,
      lastInteractionAt: null,
      reason: null,
      closedAt: null,
      followUps: { open: 0, nextDueAt: null, nextId: null },
    });
    expect(toLeadResource(foldedLead(given(opened, assign('ben'))), names).agent).toStrictEqual({
      id: 'ben',
      name: null,
    });
  });

  it('shows a follow-up with its contact', () => {
    const of = foldedLead(told);
    expect(of.followUps.map((it) => toFollowUpResource(it, of, names, time('12:00')))[0]).toStrictEqual({
      id: 'f-1',
      leadId: id,
      contactId: 'contact-1',
      dueAt: time('17:00'),
      assignee: { id: 'ana', name: 'Agent One' },
      note: 'Send the offer',
      state: 'open',
      overdue: false,
      createdAt: time('09:40'),
      closedAt: null,
      closedReason: null,
    });
  });

  it('counts its own events as its version', () => {
    const all = told.and(lost).and(aiResult(10)).and(secondInteraction);
    const own = all.events.filter((it) => 'leadId' in it.data && it.data.leadId === id);
    expect(foldedLead(all).version).toBe(own.length);
    expect(foldedLead(all, 2).version).toBe(2);
  });

  it('links to the one before', () =>
    expect(foldedLead(given(opened, lost, secondInteraction), 2)).toMatchObject({ ordinal: 2, previousLeadId: id }));

  it('shows a change of profile on all leads of the contact, and in no version', () => {
    const before = given(opened, lost, secondInteraction);
    const after = before.at('13:00').and(broadcast({ profile }));
    for (const ordinal of [1, 2])
      expect(foldedLead(after, ordinal)).toStrictEqual({ ...foldedLead(before, ordinal), contact: profile });
  });

  it('changes statusChangedAt with the status, not with a note', () => {
    expect(foldedLead(given(opened, at('10:00', changeStatus('new', { note: 'Hm' })))).statusChangedAt).toBe(
      time('09:00'),
    );
    expect(foldedLead(given(opened, at('10:00', changeStatus('qualified')))).statusChangedAt).toBe(time('10:00'));
  });

  it('shows the reason of its status: of the newest, until the status changes', () => {
    const because = (reason: string | null, to: Status | null = null) => changeStatus(to, { reason, note: 'n' });
    expect(foldedLead(given(opened, because('A', 'qualified'))).reason).toBe('A');
    expect(foldedLead(given(opened, because('A', 'qualified'), because(null))).reason).toBe('A');
    expect(foldedLead(given(opened, because('A', 'qualified'), because('B'))).reason).toBe('B');
    expect(foldedLead(given(opened, because('A', 'qualified'), changeStatus('contacted'))).reason).toBeNull();
  });

  it('never goes back in updatedAt', () => {
    const told = given(at('10:00', opened), at('09:00', changeStatus('qualified')));
    expect(foldedLead(told)).toMatchObject({ updatedAt: time('10:00'), statusChangedAt: time('09:00') });
  });

  it('has the next follow-up by due time, the first made of several', () => {
    const [f2, f3] = ['f-2', 'f-3'].map((followUpId) => createFollowUp({ followUpId, dueAt: time('16:00') }));
    const next = (...steps: readonly ContactStep[]) =>
      toLeadResource(foldedLead(given(opened, ...steps)), names).followUps;
    expect(next(createFollowUp(), f2 ?? opened, f3 ?? opened)).toMatchObject({ open: 3, nextId: 'f-2' });
    expect(next(createFollowUp(), f2 ?? opened, completeFollowUp({ followUpId: 'f-2' }))).toMatchObject({
      open: 1,
      nextId: 'f-1',
    });
  });

  it('counts what was said on it by either side', () => {
    const said = given(opened, outbound(), interaction({ messageId: 'm-2' }), outbound({ messageId: 'out-2' }));
    expect(foldedLead(said).memory).toMatchObject({ interactions: 2, outboundMessages: 2 });
  });

  it('waits for an agent since it was opened, or its agent left, until it has one or is closed', () => {
    const freed = unassign({ mode: 'agent_deactivated' });
    const waits = (...steps: readonly ContactStep[]): string | null => {
      const told = given(at('08:00', opened), ...steps);
      const own = told.events.filter((it) => it.type !== 'ContactRegistered') as unknown as readonly LeadEvent[];
      const since = own
        .map(evolveWaitingSince)
        .reduce((before, after) => (after === undefined ? before : after), undefined);
      expect(foldedLead(told).memory.waitingSince).toBe(since);
      return since ?? null;
    };
    expect(waits()).toBe(time('08:00'));
    expect(waits(changeStatus('qualified'), scoreByHand(40), outbound())).toBe(time('08:00'));
    expect(waits(assign('ana'))).toBeNull();
    expect(waits(assign('ana'), at('10:00', freed))).toBe(time('10:00'));
    expect(waits(assign('ana'), unassign())).toBeNull();
    for (const status of finalStatuses) expect(waits(changeStatus(status))).toBeNull();
  });

  it('begins with its LeadOpened: what comes before makes no lead', () => {
    const [, , first] = given(opened).events;
    expect(evolveLead(undefined, first as never)).toBeUndefined();
  });

  it('leaves a lead as it is at what is not about it: another lead, another contact, its own opening again, an unknown type', () => {
    const mine = foldedLead(given(opened));
    const others = given(opened, lost, secondInteraction).events.filter((it) =>
      JSON.stringify(it.data).includes(leadId(2)),
    );
    expect(others).toHaveLength(2);
    const stranger = { type: 'ContactProfileChanged', data: { contactKey: 'c2' }, personal: { to: profile }, meta: {} };
    const unknown = { type: 'SomethingElse', data: { leadId: id }, meta: { occurredAt: time('10:00') } };
    for (const event of [...given(opened).events.slice(0, 2), ...others, stranger, unknown])
      expect(evolveLead(mine, event as never)).toBe(mine);
  });
});

describe('Refusals', () => {
  const samples: { [Code in keyof typeof refusals]: Parameters<(typeof refusals)[Code]>[0] } = {
    not_found: { what: 'follow-up' },
    lead_inactive: { leadId: id, leadStatus: 'lost', inactiveSince: time('10:00'), activeLeadId: null },
    active_lead_exists: { activeLeadId: id },
    agent_inactive: { agentId: 'ana' },
    agent_exists: { agentId: 'ana' },
    follow_up_completed: { followUpId: 'f-1' },
    follow_up_cancelled: { followUpId: 'f-1' },
    broadcast_exists: { broadcastId: 'b-1' },
    message_exists: { messageId: 'bm-1' },
    too_many_follow_ups: { most: 500 },
    bulk_rejected: { bulkId: 'bulk-1', summary: { total: 3, ok: 2, unchanged: 0, rejected: 1 }, results: [] },
    selection_changed: { expectedCount: 3, count: 4 },
    bulk_running: { bulkId: 'bulk-1' },
    bulk_closed: { bulkId: 'bulk-1', state: 'cancelled' },
    version_mismatch: { version: 7 },
    conflict: {},
    idempotency_in_flight: {},
    idempotency_key_reused: {},
    validation_failed: { errors: [{ field: 'dueAt', code: 'in_past', message: 'must not be in the past' }] },
  };
  const sentence = <Code extends keyof typeof refusals>(code: Code, of = samples[code]): string =>
    (refusals[code] as (of: object) => string)(of);

  it.each(Object.keys(refusals) as (keyof typeof refusals)[])('%s has a sentence for callers', (code) => {
    expect(sentence(code)).toMatch(/^[A-Za-z].* .*\w/);
    expect(sentence(code)).not.toMatch(/undefined|null|\[object/);
  });

  it('lead_inactive says the status, since when, what that forbids, and whether there is an active lead', () => {
    const alone = sentence('lead_inactive');
    for (const words of ['lost', time('10:00'), 'status can', 'no follow-up', 'no agent'])
      expect(alone).toContain(words);
    expect(alone).toMatch(/no agent assigned\.$/);
    expect(sentence('lead_inactive', { ...samples.lead_inactive, activeLeadId: leadId(2) })).toContain(
      'another, active',
    );
  });

  it('validation_failed says which field, or that there are several', () => {
    const [error] = samples.validation_failed.errors;
    expect(sentence('validation_failed')).toBe('dueAt: must not be in the past');
    expect(sentence('validation_failed', { errors: error ? [error, error] : [] })).toMatch(/some/i);
  });

  it('are told from other errors', () => {
    expect(refuse('conflict', {})).toMatchObject({ name: 'Refusal', code: 'conflict' });
    expect([refuse('conflict', {}), new Error('conflict'), 'conflict'].map(isRefusal)).toEqual([true, false, false]);
  });

  it('too_many_follow_ups says how many', () => expect(sentence('too_many_follow_ups')).toContain('500'));
  it('version_mismatch says the version', () => expect(sentence('version_mismatch')).toContain('7'));
});

it('Statuses are those of the product page, in its order', () => {
  expect(statuses).toStrictEqual([
    'new',
    'contacted',
    'qualifying',
    'qualified',
    'follow_up',
    'converted',
    'lost',
    'archived',
  ]);
  expect(statuses.filter(isFinal)).toStrictEqual(['converted', 'lost', 'archived']);
});
