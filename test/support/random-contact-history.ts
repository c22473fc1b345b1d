import type { ContactCommand } from '#domain/contact/contact.commands';
import type { Contact } from '#domain/contact/contact.state';
import type { RecordedEvent } from '#domain/event';
import { activeStatuses, statuses } from '#domain/lead/lead.vocabulary';
import { Refusal } from '#domain/refusal';
import * as commands from './given-when-then.js';

const minuteMs = 60_000;

export const historiesStart = Date.parse('2026-03-02T00:00:00.000Z');

/** A seeded random generator: the same seed gives the same numbers. */
export interface Random {
  /** A whole number from 0 to `limit` - 1. */
  readonly below: (limit: number) => number;
  readonly pick: <T>(items: readonly T[]) => T;
}

export function createRandom(seed: number): Random {
  let state = seed;
  const below = (limit: number): number => {
    state = (state * 48_271) % 2_147_483_647;
    return Math.floor((state / 2_147_483_647) * limit);
  };
  return { below, pick: (items) => items[below(items.length)]! };
}

/** The events of a contact over about a month, and the state after them. Random commands that the rules reject are skipped. */
export function randomContactHistory(
  index: number,
  { below, pick }: Random,
): { readonly events: readonly RecordedEvent[]; readonly state: Contact } {
  const contact = { contactKey: `c${index}`, contactId: `contact-${index}` };
  const interactionIds: string[] = ['unknown'];
  let history = commands.given();
  let now = historiesStart + below(20 * 24 * 60) * minuteMs;
  const steps = 15 + below(25);
  for (let step = 0; step < steps; step++) {
    now += pick([below(minuteMs), below(90 * minuteMs), below(48 * 60) * minuteMs]);
    const leads = history.state.known ? history.state.leads : [];
    const ordinal = Math.max(1, leads.length - (below(8) === 0 ? 1 : 0));
    const leadId = `c${index}-${ordinal}`;
    const followUp = { leadId, followUpId: `${leadId}-f${below(4)}` };
    const dueAt = leads[ordinal - 1]?.followUps.find(({ id }) => id === followUp.followUpId)?.dueAt ?? toIso(now);
    const channel = pick(['whatsapp', 'sms'] as const);
    const agentId = pick(['ana', 'ben', 'cem']);
    const interaction = commands.interaction({
      ...contact,
      messageId: `m-${step}`,
      channel,
      text: pick(['Hello', 'Hello', 'Hello', 'stop']),
      occurredAt: pick([null, null, { at: toIso(now - below(600) * minuteMs), digits: 3 }]),
      profile: pick([{}, {}, { name: pick(['Contact One', 'Contact Two']) }, { email: 'one@example.test' }]),
    });
    const command = pick<ContactCommand>([
      interaction,
      below(4) ? interaction : commands.createLead({ ...contact }),
      commands.changeStatus(pick([...activeStatuses, ...statuses]), { leadId }),
      commands.changeStatus(pick([null, ...activeStatuses]), { leadId, note: 'Hm' }),
      commands.assign(agentId, { leadId, moveFollowUps: below(4) > 0 }),
      commands.assign(agentId, { leadId, moveFollowUps: below(4) > 0 }),
      commands.unassign({ leadId, mode: pick(['manual', 'bulk', 'agent_deactivated']) }),
      commands.outbound({ leadId, messageId: `o-${step}` }),
      commands.scoreByHand(below(101), { leadId }),
      commands.aiResult(below(101), { leadId, readUpTo: pick([null, pick(interactionIds)]) }),
      commands.aiResult(below(101), { leadId, readUpTo: pick([null, pick(interactionIds)]) }),
      commands.aiFailure({ leadId, readUpTo: pick(interactionIds) }),
      commands.unpin({ leadId }),
      commands.createFollowUp({ ...followUp, dueAt: toIso(now + (1 + below(2_000)) * minuteMs) }),
      commands.createFollowUp({ ...followUp, dueAt: toIso(now + (1 + below(2_000)) * minuteMs) }),
      commands.reschedule(toIso(now + (1 + below(3_000)) * minuteMs), followUp),
      commands.remind(dueAt, followUp),
      commands.remind(dueAt, followUp),
      commands.completeFollowUp(followUp),
      commands.completeFollowUp(followUp),
      commands.cancelFollowUp(followUp),
    ]);
    const actor = pick([commands.gateway, commands.agentActor('ana'), commands.agentActor('ben')]);
    try {
      history = history.under({ at: toIso(now), actor }).and(command);
      if (command.type === 'RecordInteraction') interactionIds.push(commands.interactionId(command.messageId, channel));
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
    }
  }
  return history;
}

const toIso = (ms: number): string => new Date(ms).toISOString();
