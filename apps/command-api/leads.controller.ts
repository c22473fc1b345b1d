import { Body, Controller, Delete, Param, Post } from '@nestjs/common';
import { HttpCommandBus } from '#http/http-command-bus';
import { Http, type HttpContext } from '#http/http-context';
import { parseInstant } from '#http/instant';
import { ApiCommand, ApiCreateCommand } from '#http/openapi.decorators';
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
  constructor(private readonly gate: HttpCommandBus) {}

  @Post()
  @ApiCreateCommand('Open a lead by hand', 'LeadAnswer', ['active_lead_exists'])
  create(@Body() said: CreateLeadRequest, @Http() http: HttpContext): Promise<object> {
    const { contactId, profile, channel = null, origin = 'manual', note = null } = said;
    const ask = { type: 'CreateLead', contactId, profile: { ...profile }, channel, origin, note } as const;
    return this.gate.executeContact(http, ask, { location: leadAt });
  }

  @Post(':id/status')
  @ApiCommand('Change status, score, or both', 'StatusAnswer', ofActiveLeads)
  changeStatus(@Param('id') leadId: string, @Body() said: StatusRequest, @Http() http: HttpContext): Promise<object> {
    const { status = null, qualificationScore: score = null, reason = null, note = null } = said;
    return this.gate.executeContact(http, { type: 'ChangeStatus', leadId, status, score, reason, note });
  }

  @Post(':id/assignment')
  @ApiCommand('Assign an agent', 'LeadAnswer', [...ofActiveLeads, 'agent_inactive'])
  assign(@Param('id') leadId: string, @Body() said: AssignmentRequest, @Http() http: HttpContext): Promise<object> {
    const { agentId, moveFollowUps = true, note = null } = said;
    return this.gate.executeContact(http, {
      type: 'AssignAgent',
      leadId,
      agentId,
      mode: 'manual',
      moveFollowUps,
      note,
      onlyIf: null,
    });
  }

  @Delete(':id/assignment')
  @ApiCommand('Unassign the agent', 'LeadAnswer', ofActiveLeads)
  unassign(@Param('id') leadId: string, @Body() _: NothingRequest, @Http() http: HttpContext): Promise<object> {
    return this.gate.executeContact(http, { type: 'UnassignAgent', leadId, mode: 'manual', onlyIf: null });
  }

  @Post(':id/qualification')
  @ApiCommand("Record an AI's score", 'QualificationAnswer', ofLeads)
  qualify(@Param('id') leadId: string, @Body() said: QualificationRequest, @Http() http: HttpContext): Promise<object> {
    const { score, model, modelVersion = null, rationale = null, readUpTo = null } = said;
    const factors = (said.factors ?? []).map(({ label, weight }) => ({ label, weight }));
    const ask = { type: 'RecordAiResult', leadId, score, model, modelVersion, rationale, factors, readUpTo } as const;
    return this.gate.executeContact(http, ask);
  }

  @Delete(':id/qualification/pin')
  @ApiCommand('Unpin a score given by hand', 'LeadAnswer', ofActiveLeads)
  unpin(@Param('id') leadId: string, @Body() _: NothingRequest, @Http() http: HttpContext): Promise<object> {
    return this.gate.executeContact(http, { type: 'UnpinScore', leadId });
  }

  @Post(':id/messages')
  @ApiCreateCommand("Record an agent's message", 'MessageAnswer', ofLeads, { mayExist: true })
  recordMessage(
    @Param('id') leadId: string,
    @Body() said: OutboundMessageRequest,
    @Http() http: HttpContext,
  ): Promise<object> {
    const { messageId, channel = null, text = null } = said;
    const sentAt = parseInstant(said.sentAt)?.at ?? null;
    const ask = { type: 'RecordOutboundMessage', leadId, messageId, channel, text, sentAt } as const;
    return this.gate.executeContact(http, ask, { location: () => `${leadAt(leadId)}/history`, versioned: true });
  }
}
