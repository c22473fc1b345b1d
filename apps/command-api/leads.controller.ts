import { Body, Controller, Delete, Param, Post } from '@nestjs/common';
import { CommandGate } from '#http/command-gate';
import { Http, type Exchange } from '#http/exchange';
import { instantOf } from '#http/instant';
import { Changes, Makes } from '#http/openapi.decorators';
import {
  AssignmentRequest,
  CreateLeadRequest,
  NothingRequest,
  OutboundMessageRequest,
  QualificationRequest,
  StatusRequest,
} from './leads.requests.js';

const ofLeads = ['not_found', 'version_mismatch'] as const;
const ofActiveLeads = [...ofLeads, 'lead_inactive'] as const;

const leadAt = (id: string): string => `/v1/leads/${id}`;

@Controller('v1/leads')
export class LeadsController {
  constructor(private readonly gate: CommandGate) {}

  @Post()
  @Makes('Open a lead by hand', 'LeadAnswer', ['active_lead_exists'])
  create(@Body() said: CreateLeadRequest, @Http() http: Exchange): Promise<object> {
    const { contactId, profile, channel = null, origin = 'manual', note = null } = said;
    const ask = { type: 'CreateLead', contactId, profile: { ...profile }, channel, origin, note } as const;
    return this.gate.contact(http, ask, { location: leadAt });
  }

  @Post(':id/status')
  @Changes('Change status, score, or both', 'StatusAnswer', ofActiveLeads)
  changeStatus(@Param('id') leadId: string, @Body() said: StatusRequest, @Http() http: Exchange): Promise<object> {
    const { status = null, qualificationScore: score = null, reason = null, note = null } = said;
    return this.gate.contact(http, { type: 'ChangeStatus', leadId, status, score, reason, note });
  }

  @Post(':id/assignment')
  @Changes('Assign an agent', 'LeadAnswer', [...ofActiveLeads, 'agent_inactive'])
  assign(@Param('id') leadId: string, @Body() said: AssignmentRequest, @Http() http: Exchange): Promise<object> {
    const { agentId, moveFollowUps = true, note = null } = said;
    return this.gate.contact(http, {
      type: 'AssignAgent',
      leadId,
      agentId,
      mode: 'manual',
      moveFollowUps,
      note,
      only: null,
    });
  }

  @Delete(':id/assignment')
  @Changes('Unassign the agent', 'LeadAnswer', ofActiveLeads)
  unassign(@Param('id') leadId: string, @Body() _: NothingRequest, @Http() http: Exchange): Promise<object> {
    return this.gate.contact(http, { type: 'UnassignAgent', leadId, mode: 'manual', only: null });
  }

  @Post(':id/qualification')
  @Changes("Record an AI's score", 'QualificationAnswer', ofLeads)
  qualify(@Param('id') leadId: string, @Body() said: QualificationRequest, @Http() http: Exchange): Promise<object> {
    const { score, model, modelVersion = null, rationale = null, readUpTo = null } = said;
    const factors = (said.factors ?? []).map(({ label, weight }) => ({ label, weight }));
    const ask = { type: 'RecordAiResult', leadId, score, model, modelVersion, rationale, factors, readUpTo } as const;
    return this.gate.contact(http, ask);
  }

  @Delete(':id/qualification/pin')
  @Changes('Unpin a score given by hand', 'LeadAnswer', ofActiveLeads)
  unpin(@Param('id') leadId: string, @Body() _: NothingRequest, @Http() http: Exchange): Promise<object> {
    return this.gate.contact(http, { type: 'UnpinScore', leadId });
  }

  @Post(':id/messages')
  @Makes("Record an agent's message", 'MessageAnswer', ofLeads, { again: true })
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
