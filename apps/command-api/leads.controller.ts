import { Body, Controller, Delete, Param, Post } from '@nestjs/common';
import { CommandGate } from '#http/command-gate';
import { Http, type Exchange } from '#http/exchange';
import { instantOf } from '#http/instant';
import { invalidInput } from '#http/problem';
import {
  AssignmentRequest,
  CreateLeadRequest,
  NothingRequest,
  OutboundMessageRequest,
  QualificationRequest,
  StatusRequest,
} from './leads.requests.js';

const leadAt = (id: string): string => `/v1/leads/${id}`;

@Controller('v1/leads')
export class LeadsController {
  constructor(private readonly gate: CommandGate) {}

  @Post()
  create(@Body() said: CreateLeadRequest, @Http() http: Exchange): Promise<object> {
    const { contactId, profile, channel = null, origin = 'manual', note = null } = said;
    const ask = { type: 'CreateLead', contactId, profile: { ...profile }, channel, origin, note } as const;
    return this.gate.contact(http, ask, { location: leadAt });
  }

  @Post(':id/status')
  changeStatus(@Param('id') leadId: string, @Body() said: StatusRequest, @Http() http: Exchange): Promise<object> {
    const { status = null, qualificationScore: score = null, reason = null, note = null } = said;
    if (status === null && score === null)
      throw invalidInput({ field: 'status', code: 'required', message: 'give status, qualificationScore, or both' });
    return this.gate.contact(http, { type: 'ChangeStatus', leadId, status, score, reason, note });
  }

  @Post(':id/assignment')
  assign(@Param('id') leadId: string, @Body() said: AssignmentRequest, @Http() http: Exchange): Promise<object> {
    const { agentId, moveFollowUps = true, note = null } = said;
    return this.gate.contact(http, { type: 'AssignAgent', leadId, agentId, mode: 'manual', moveFollowUps, note });
  }

  @Delete(':id/assignment')
  unassign(@Param('id') leadId: string, @Body() _: NothingRequest, @Http() http: Exchange): Promise<object> {
    return this.gate.contact(http, { type: 'UnassignAgent', leadId, mode: 'manual', only: null });
  }

  @Post(':id/qualification')
  qualify(@Param('id') leadId: string, @Body() said: QualificationRequest, @Http() http: Exchange): Promise<object> {
    const { score, model, modelVersion = null, rationale = null, readUpTo = null } = said;
    const factors = (said.factors ?? []).map(({ label, weight }) => ({ label, weight }));
    const ask = { type: 'RecordAiResult', leadId, score, model, modelVersion, rationale, factors, readUpTo } as const;
    return this.gate.contact(http, ask);
  }

  @Delete(':id/qualification/pin')
  unpin(@Param('id') leadId: string, @Body() _: NothingRequest, @Http() http: Exchange): Promise<object> {
    return this.gate.contact(http, { type: 'UnpinScore', leadId });
  }

  @Post(':id/messages')
  recordMessage(
    @Param('id') leadId: string,
    @Body() said: OutboundMessageRequest,
    @Http() http: Exchange,
  ): Promise<object> {
    const { messageId, channel = null, text = null } = said;
    const sentAt = instantOf(said.sentAt)?.at ?? null;
    const ask = { type: 'RecordOutboundMessage', leadId, messageId, channel, text, sentAt } as const;
    return this.gate.contact(http, ask, { location: () => `${leadAt(leadId)}/history`, versioned: true });
  }
}
