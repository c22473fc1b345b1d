import type { AgentAsk } from '#commands/agent.handler';
import type { ShownLead } from '#domain/lead/lead.shown';
import type { Campaign } from './demo.campaigns.js';
import type { Life } from './demo.generator.js';
import type { Step } from './demo.life.js';
import type { Answer, Request, Service } from './service.js';

/** What came of a sample, command by command. */
export class Tally {
  commands = 0;
  /** Answered as the first time, because it had been carried out before. */
  repeated = 0;
  refused = 0;
  /** The first refusal, in the service's words. */
  refusal: string | null = null;

  count({ status, headers, body }: Answer): void {
    this.commands += 1;
    if (headers.get('idempotent-replayed') === 'true') this.repeated += 1;
    if (status < 400) return;
    this.refused += 1;
    this.refusal ??= body.detail ?? `status ${status}`;
  }
}

/** A life as it was lived: the contact's newest lead. Null: none came of it. */
export type Lived = Life & { readonly lead: ShownLead | null };

/** Sends what the generator made, each command under a key of its own: sent again, it changes nothing. */
export class Sender {
  readonly tally = new Tally();
  /** Up to where the log has told of it, as far as it was answered. */
  position = '';

  constructor(
    private readonly service: Service,
    private readonly tick: () => void,
  ) {}

  async agent(step: Step<AgentAsk>): Promise<Answer> {
    return this.send(agentRequest(step.ask), step, `${step.ask.agentId}-${step.ask.type}`);
  }

  async campaign(step: Step<Campaign>): Promise<Answer> {
    const { type: _, broadcastId: id, ...said } = step.ask;
    return this.send({ method: 'POST', path: '/v1/broadcasts', body: { id, ...said } }, step, `${id}-create`);
  }

  /** One command after another; where one is refused, the rest of the life would make no sense. */
  async life(life: Life): Promise<Lived> {
    let lead: ShownLead | null = null;
    let followUpId = '';
    for (const [nth, step] of life.steps.entries()) {
      const request = contactRequest(step.ask, lead?.id ?? '', followUpId);
      const answer = await this.send(request, step, `${life.person.contactId}-${nth}`);
      if (answer.status >= 400) break;
      const told = answer.body as { lead?: ShownLead | null; followUp?: { id: string } };
      lead = told.lead ?? lead;
      followUpId = told.followUp?.id ?? followUpId;
    }
    return { ...life, lead };
  }

  private async send(request: Request, { at, agentId }: Omit<Step, 'ask'>, key: string): Promise<Answer> {
    const answer = await this.service.send(request, {
      'x-occurred-at': at,
      'idempotency-key': key,
      ...(agentId !== null && { 'x-actor': `agent:${agentId}` }),
    });
    this.tally.count(answer);
    const { position } = answer.body as { position?: string };
    if (position !== undefined && position > this.position) this.position = position;
    this.tick();
    return answer;
  }
}

function agentRequest({ type, agentId: id, ...said }: AgentAsk): Request {
  switch (type) {
    case 'RegisterAgent':
      return { method: 'POST', path: '/v1/agents', body: withoutNulls({ id, ...said }) };
    case 'ChangeAgent':
      return { method: 'PATCH', path: `/v1/agents/${id}`, body: said };
  }
}

/** The request that asks this of the contact's newest lead and follow-up. */
export function contactRequest(ask: Step['ask'], leadId: string, followUpId: string): Request {
  const post = (path: string, body: object): Request => ({ method: 'POST', path, body: withoutNulls(body) });
  const lead = `/v1/leads/${leadId}`;
  switch (ask.type) {
    case 'RecordInteraction': {
      const { type: _, occurredAt, ...said } = ask;
      return post('/v1/interactions', { ...said, occurredAt: occurredAt?.at ?? null });
    }
    case 'CreateLead': {
      const { type: _, ...said } = ask;
      return post('/v1/leads', said);
    }
    case 'ChangeStatus': {
      const { type: _, score: qualificationScore, ...said } = ask;
      return post(`${lead}/status`, { ...said, qualificationScore });
    }
    case 'AssignAgent': {
      const { type: _, mode: __, ...said } = ask;
      return post(`${lead}/assignment`, said);
    }
    case 'UnassignAgent':
      return { method: 'DELETE', path: `${lead}/assignment` };
    case 'RecordAiResult': {
      const { type: _, ...said } = ask;
      return post(`${lead}/qualification`, said);
    }
    case 'UnpinScore':
      return { method: 'DELETE', path: `${lead}/qualification/pin` };
    case 'CreateFollowUp': {
      const { type: _, ...said } = ask;
      return post(`${lead}/follow-ups`, said);
    }
    case 'CompleteFollowUp':
      return post(`${lead}/follow-ups/${followUpId}/complete`, { note: ask.note });
    case 'CancelFollowUp':
      return post(`${lead}/follow-ups/${followUpId}/cancel`, { reason: ask.reason });
    case 'RescheduleFollowUp':
      return post(`${lead}/follow-ups/${followUpId}/reschedule`, { dueAt: ask.dueAt, reason: ask.reason });
    case 'RecordOutboundMessage': {
      const { type: _, ...said } = ask;
      return post(`${lead}/messages`, said);
    }
    case 'SendBroadcast': {
      const { type: _, broadcastId, ...message } = ask;
      return post(`/v1/broadcasts/${broadcastId}/messages`, { messages: [message] });
    }
    case 'ReceiveReceipts':
      return post('/v1/receipts', {
        receipts: ask.receipts.map(({ at: occurredAt, ...said }) => withoutNulls({ ...said, occurredAt })),
      });
  }
}

/** In requests what is absent is left out. */
const withoutNulls = (said: object): object => Object.fromEntries(Object.entries(said).filter(([, it]) => it !== null));
