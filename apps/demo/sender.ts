import type { AgentCommandInput } from '#commands/agent.handler';
import type { LeadResource } from '#resources/lead.resource';
import type { DemoBroadcast } from './broadcasts.js';
import type { Life } from './generator.js';
import type { Step } from './life-simulator.js';
import type { ServiceClient, ServiceRequest, ServiceResponse } from './service-client.js';

export class SendSummary {
  commands = 0;
  /** Commands that the service had already executed. */
  replayed = 0;
  rejected = 0;
  /** The service's message for the first rejection. */
  firstRejection: string | null = null;

  count({ status, headers, body }: ServiceResponse): void {
    this.commands += 1;
    if (headers.get('idempotent-replayed') === 'true') this.replayed += 1;
    if (status < 400) return;
    this.rejected += 1;
    this.firstRejection ??= body.detail ?? `status ${status}`;
  }
}

/** `lead`: the contact's newest lead; null if no lead was created. */
export type SentLife = Life & { readonly lead: LeadResource | null };

/** Sends the generated commands. Each has its own idempotency key, so sending it again changes nothing. */
export class DemoSender {
  readonly summary = new SendSummary();
  /** The highest position of the responses; empty before the first. */
  position = '';

  constructor(
    private readonly service: ServiceClient,
    private readonly onSent: () => void,
  ) {}

  async sendAgentCommand(step: Step<AgentCommandInput>): Promise<ServiceResponse> {
    return this.send(toAgentRequest(step.command), step, `${step.command.agentId}-${step.command.type}`);
  }

  async sendBroadcast(step: Step<DemoBroadcast>): Promise<ServiceResponse> {
    const { type: _, broadcastId: id, ...fields } = step.command;
    return this.send({ method: 'POST', path: '/v1/broadcasts', body: { id, ...fields } }, step, `${id}-create`);
  }

  /** Sends one command after another. Stops at a rejection, because later steps depend on it. */
  async sendLife(life: Life): Promise<SentLife> {
    let lead: LeadResource | null = null;
    let followUpId = '';
    for (const [index, step] of life.steps.entries()) {
      const request = toContactRequest(step.command, lead?.id ?? '', followUpId);
      const response = await this.send(request, step, `${life.person.contactId}-${index}`);
      if (response.status >= 400) break;
      const body = response.body as { lead?: LeadResource | null; followUp?: { id: string } };
      lead = body.lead ?? lead;
      followUpId = body.followUp?.id ?? followUpId;
    }
    return { ...life, lead };
  }

  private async send(
    request: ServiceRequest,
    { at, agentId }: Omit<Step, 'command'>,
    key: string,
  ): Promise<ServiceResponse> {
    const response = await this.service.send(request, {
      'x-occurred-at': at,
      'idempotency-key': key,
      ...(agentId !== null && { 'x-actor': `agent:${agentId}` }),
    });
    this.summary.count(response);
    const { position } = response.body as { position?: string };
    if (position !== undefined && position > this.position) this.position = position;
    this.onSent();
    return response;
  }
}

function toAgentRequest({ type, agentId: id, ...fields }: AgentCommandInput): ServiceRequest {
  switch (type) {
    case 'RegisterAgent':
      return { method: 'POST', path: '/v1/agents', body: withoutNulls({ id, ...fields }) };
    case 'ChangeAgent':
      return { method: 'PATCH', path: `/v1/agents/${id}`, body: fields };
  }
}

/** The request for a command on the contact's newest lead and follow-up. */
export function toContactRequest(command: Step['command'], leadId: string, followUpId: string): ServiceRequest {
  const post = (path: string, body: object): ServiceRequest => ({ method: 'POST', path, body: withoutNulls(body) });
  const lead = `/v1/leads/${leadId}`;
  switch (command.type) {
    case 'RecordInteraction': {
      const { type: _, occurredAt, ...fields } = command;
      return post('/v1/interactions', { ...fields, occurredAt: occurredAt?.at ?? null });
    }
    case 'CreateLead': {
      const { type: _, ...fields } = command;
      return post('/v1/leads', fields);
    }
    case 'ChangeStatus': {
      const { type: _, score: qualificationScore, ...fields } = command;
      return post(`${lead}/status`, { ...fields, qualificationScore });
    }
    case 'AssignAgent': {
      const { type: _, mode: __, ...fields } = command;
      return post(`${lead}/assignment`, fields);
    }
    case 'UnassignAgent':
      return { method: 'DELETE', path: `${lead}/assignment` };
    case 'RecordAiResult': {
      const { type: _, ...fields } = command;
      return post(`${lead}/qualification`, fields);
    }
    case 'UnpinScore':
      return { method: 'DELETE', path: `${lead}/qualification/pin` };
    case 'CreateFollowUp': {
      const { type: _, ...fields } = command;
      return post(`${lead}/follow-ups`, fields);
    }
    case 'CompleteFollowUp':
      return post(`${lead}/follow-ups/${followUpId}/complete`, { note: command.note });
    case 'CancelFollowUp':
      return post(`${lead}/follow-ups/${followUpId}/cancel`, { reason: command.reason });
    case 'RescheduleFollowUp':
      return post(`${lead}/follow-ups/${followUpId}/reschedule`, { dueAt: command.dueAt, reason: command.reason });
    case 'RecordOutboundMessage': {
      const { type: _, ...fields } = command;
      return post(`${lead}/messages`, fields);
    }
    case 'SendBroadcast': {
      const { type: _, broadcastId, ...message } = command;
      return post(`/v1/broadcasts/${broadcastId}/messages`, { messages: [message] });
    }
    case 'ReceiveReceipts':
      return post('/v1/receipts', {
        receipts: command.receipts.map(({ at: occurredAt, ...fields }) => withoutNulls({ ...fields, occurredAt })),
      });
  }
}

/** Removes null fields, because requests omit absent fields. */
const withoutNulls = (fields: object): object =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null));
