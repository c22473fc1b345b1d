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
import { leadResponse, messageResponse, qualificationResponse, statusResponse } from './leads.responses.js';

const leadProblems = ['not_found', 'version_mismatch'] as const;
const activeLeadProblems = [...leadProblems, 'lead_inactive'] as const;

const leadPath = (id: string): string => `/v1/leads/${id}`;

@Controller('v1/leads')
export class LeadsController {
  constructor(private readonly commandBus: HttpCommandBus) {}

  @Post()
  @ApiCreateCommand(
    {
      summary: 'Create a lead',
      description: 'Creates a lead manually. Leads are also created automatically when contacts interact.',
    },
    leadResponse,
    ['active_lead_exists'],
  )
  create(@Body() body: CreateLeadRequest, @Http() http: HttpContext): Promise<object> {
    const { contactId, profile, channel = null, origin = 'manual', note = null } = body;
    return this.commandBus.executeContact(
      http,
      { type: 'CreateLead', contactId, profile: { ...profile }, channel, origin, note },
      { location: leadPath },
    );
  }

  @Post(':id/status')
  @ApiCommand(
    {
      summary: 'Change status or score',
      description:
        'Changes the status of an active lead, its score, or both. A final status (`converted`, `lost`, `archived`) cancels all open follow-ups and cannot be changed again.',
    },
    statusResponse,
    activeLeadProblems,
  )
  changeStatus(@Param('id') leadId: string, @Body() body: StatusRequest, @Http() http: HttpContext): Promise<object> {
    const { status = null, qualificationScore: score = null, reason = null, note = null } = body;
    return this.commandBus.executeContact(http, { type: 'ChangeStatus', leadId, status, score, reason, note });
  }

  @Post(':id/assignment')
  @ApiCommand('Assign an agent', leadResponse, [...activeLeadProblems, 'agent_inactive'])
  assign(@Param('id') leadId: string, @Body() body: AssignmentRequest, @Http() http: HttpContext): Promise<object> {
    const { agentId, moveFollowUps = true, note = null } = body;
    return this.commandBus.executeContact(http, {
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
  @ApiCommand('Unassign the agent', leadResponse, activeLeadProblems)
  unassign(@Param('id') leadId: string, @Body() _: NothingRequest, @Http() http: HttpContext): Promise<object> {
    return this.commandBus.executeContact(http, { type: 'UnassignAgent', leadId, mode: 'manual', onlyIf: null });
  }

  @Post(':id/qualification')
  @ApiCommand(
    {
      summary: 'Record an AI score',
      description:
        'Records the result of an external model. A result that cannot take effect is not an error: the response has `accepted: false`.',
    },
    qualificationResponse,
    leadProblems,
  )
  qualify(@Param('id') leadId: string, @Body() body: QualificationRequest, @Http() http: HttpContext): Promise<object> {
    const { score, model, modelVersion = null, rationale = null, readUpTo = null } = body;
    const factors = (body.factors ?? []).map(({ label, weight }) => ({ label, weight }));
    return this.commandBus.executeContact(http, {
      type: 'RecordAiResult',
      leadId,
      score,
      model,
      modelVersion,
      rationale,
      factors,
      readUpTo,
    });
  }

  @Delete(':id/qualification/pin')
  @ApiCommand(
    {
      summary: 'Unpin a manual score',
      description: 'Keeps the score, but lets the next AI result change it.',
    },
    leadResponse,
    activeLeadProblems,
  )
  unpin(@Param('id') leadId: string, @Body() _: NothingRequest, @Http() http: HttpContext): Promise<object> {
    return this.commandBus.executeContact(http, { type: 'UnpinScore', leadId });
  }

  @Post(':id/messages')
  @ApiCreateCommand(
    {
      summary: 'Record an outbound message',
      description:
        "Records a chat message that an agent sent to the lead's contact. A repeated `messageId` returns 200 and changes nothing.",
    },
    messageResponse,
    leadProblems,
    { mayExist: true },
  )
  recordMessage(
    @Param('id') leadId: string,
    @Body() body: OutboundMessageRequest,
    @Http() http: HttpContext,
  ): Promise<object> {
    const { messageId, channel = null, text = null } = body;
    const sentAt = parseInstant(body.sentAt)?.at ?? null;
    return this.commandBus.executeContact(
      http,
      { type: 'RecordOutboundMessage', leadId, messageId, channel, text, sentAt },
      { location: () => `${leadPath(leadId)}/history`, isVersioned: true },
    );
  }
}
