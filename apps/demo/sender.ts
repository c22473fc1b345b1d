import type { AgentCommandInput } from '#commands/agent.handler';
import type { LeadResource } from '#domain/lead/lead.shown';
import type { DemoBroadcast } from './demo.campaigns.js';
import type { Life } from './demo.generator.js';
import type { Step } from './demo.life.js';
import type { ServiceResponse, ServiceRequest, ServiceClient } from './service-client.js';

/** What came of a sample, command by command. */
export class SendSummary {
  commands = 0;
  /** Answered as the first time, because it had been carried out before. */
  replayed = 0;
  refused = 0;
  /** The first refusal, in the service's words. */
  refusal: string | null = null;

  count({ status, headers, body }: ServiceResponse): void {
    this.commands += 1;
    if (headers.get('idempotent-replayed') === 'true') this.replayed += 1;
    if (status < 400) return;
    this.refused += 1;
    this.refusal ??= body.detail ?? `status ${status}`;
  }
}

/** A life as it was lived: the contact's newest lead. Null: none came of it. */
export type SentLife = Life & { readonly lead: LeadResource | null };

/** Sends what the generator made, each command under a key of its own: sent again, it changes nothing. */
export class DemoSender {
  readonly tally = new SendSummary();
  /** Up to where the log has told of it, as far as it was answered. */
  position = '';

  constructor(
    private readonly service: ServiceClient,
    private readonly tick: () => void,
  ) {}

  async sendAgentCommand(step: Step<AgentCommandInput>): Promise<ServiceResponse> {
    return this.send(agentRequest(step.command), step, `${step.command.agentId}-${step.command.type}`);
  }

  async sendBroadcast(step: Step<DemoBroadcast>): Promise<ServiceResponse> {
    const { type: _, broadcastId: id, ...said } = step.command;
    return this.send({ method: 'POST', path: '/v1/broadcasts', body: { id, ...said } }, step, `${id}-create`);
  }

  /** One command after another; where one is refused, the rest of the life would make no sense. */
  async sendLife(life: Life): Promise<SentLife> {
    let lead: LeadResource | null = null;
    let followUpId = '';
    for (const [nth, step] of life.steps.entries()) {
      const request = toContactRequest(step.command, lead?.id ?? '', followUpId);
      const answer = await this.send(request, step, `${life.person.contactId}-${nth}`);
      if (answer.status >= 400) break;
      const told = answer.body as { lead?: LeadResource | null; followUp?: { id: string } };
      lead = told.lead ?? lead;
      followUpId = told.followUp?.id ?? followUpId;
    }
    return { ...life, lead };
  }

  private async send(
    request: ServiceRequest,
    { at, agentId }: Omit<Step, 'command'>,
    key: string,
  ): Promise<ServiceResponse> {
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

function agentRequest({ type, agentId: id, ...said }: AgentCommandInput): ServiceRequest {
  switch (type) {
    case 'RegisterAgent':
      return { method: 'POST', path: '/v1/agents', body: withoutNulls({ id, ...said }) };
    case 'ChangeAgent':
      return { method: 'PATCH', path: `/v1/agents/${id}`, body: said };
  }
}

/** The request that asks this of the contact's newest lead and follow-up. */
export function toContactRequest(ask: Step['command'], leadId: string, followUpId: string): ServiceRequest {
  const post = (path: string, body: object): ServiceRequest => ({ method: 'POST', path, body: withoutNulls(body) });
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
