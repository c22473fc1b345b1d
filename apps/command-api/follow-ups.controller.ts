import { Body, Controller, Param, Post } from '@nestjs/common';
import { HttpCommandBus } from '#http/http-command-bus';
import { Http, type HttpContext } from '#http/http-context';
import { parseInstant } from '#http/instant';
import { ApiCommand, ApiCreateCommand } from '#http/openapi.decorators';
import { CancelRequest, CompleteRequest, FollowUpRequest, RescheduleRequest } from './leads.requests.js';

const ofLeads = ['not_found', 'version_mismatch'] as const;

@Controller('v1/leads/:id/follow-ups')
export class FollowUpsController {
  constructor(private readonly gate: HttpCommandBus) {}

  @Post()
  @ApiCreateCommand('Create a follow-up', 'FollowUpAnswer', [
    ...ofLeads,
    'lead_inactive',
    'agent_inactive',
    'too_many_follow_ups',
  ])
  create(@Param('id') leadId: string, @Body() said: FollowUpRequest, @Http() http: HttpContext): Promise<object> {
    const { note = null, assigneeId = null, alsoSetStatus = false } = said;
    const ask = { type: 'CreateFollowUp', leadId, dueAt: due(said.dueAt), note, assigneeId, alsoSetStatus } as const;
    return this.gate.executeContact(http, ask, { location: () => `/v1/follow-ups?leadId=${leadId}`, versioned: true });
  }

  @Post(':fid/complete')
  @ApiCommand('Complete a follow-up', 'FollowUpAnswer', [...ofLeads, 'follow_up_cancelled'])
  complete(
    @Param('id') leadId: string,
    @Param('fid') followUpId: string,
    @Body() said: CompleteRequest,
    @Http() http: HttpContext,
  ): Promise<object> {
    const { note = null } = said;
    return this.gate.executeContact(http, { type: 'CompleteFollowUp', leadId, followUpId, note });
  }

  @Post(':fid/cancel')
  @ApiCommand('Cancel a follow-up', 'FollowUpAnswer', [...ofLeads, 'follow_up_completed'])
  cancel(
    @Param('id') leadId: string,
    @Param('fid') followUpId: string,
    @Body() said: CancelRequest,
    @Http() http: HttpContext,
  ): Promise<object> {
    const { reason = null } = said;
    return this.gate.executeContact(http, { type: 'CancelFollowUp', leadId, followUpId, reason });
  }

  @Post(':fid/reschedule')
  @ApiCommand('Reschedule a follow-up', 'FollowUpAnswer', [...ofLeads, 'follow_up_completed', 'follow_up_cancelled'])
  reschedule(
    @Param('id') leadId: string,
    @Param('fid') followUpId: string,
    @Body() said: RescheduleRequest,
    @Http() http: HttpContext,
  ): Promise<object> {
    const { dueAt, reason = null } = said;
    return this.gate.executeContact(http, {
      type: 'RescheduleFollowUp',
      leadId,
      followUpId,
      dueAt: due(dueAt),
      reason,
    });
  }
}

const due = (text: string): string => parseInstant(text)?.at ?? text;
