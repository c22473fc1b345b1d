import { Body, Controller, Param, Post } from '@nestjs/common';
import { HttpCommandBus } from '#http/http-command-bus';
import { Http, type HttpContext } from '#http/http-context';
import { parseInstant } from '#http/instant';
import { ApiCommand, ApiCreateCommand } from '#http/openapi.decorators';
import { CancelRequest, CompleteRequest, FollowUpRequest, RescheduleRequest } from './follow-ups.requests.js';
import { followUpResponse } from './follow-ups.responses.js';

const leadProblems = ['not_found', 'version_mismatch'] as const;

@Controller('v1/leads/:id/follow-ups')
export class FollowUpsController {
  constructor(private readonly commandBus: HttpCommandBus) {}

  @Post()
  @ApiCreateCommand('Create a follow-up', followUpResponse, [
    ...leadProblems,
    'lead_inactive',
    'agent_inactive',
    'too_many_follow_ups',
  ])
  create(@Param('id') leadId: string, @Body() body: FollowUpRequest, @Http() http: HttpContext): Promise<object> {
    const { note = null, assigneeId = null, alsoSetStatus = false } = body;
    return this.commandBus.executeContact(
      http,
      { type: 'CreateFollowUp', leadId, dueAt: normalizeTime(body.dueAt), note, assigneeId, alsoSetStatus },
      { location: () => `/v1/follow-ups?leadId=${leadId}`, isVersioned: true },
    );
  }

  @Post(':fid/complete')
  @ApiCommand('Complete a follow-up', followUpResponse, [...leadProblems, 'follow_up_cancelled'])
  complete(
    @Param('id') leadId: string,
    @Param('fid') followUpId: string,
    @Body() body: CompleteRequest,
    @Http() http: HttpContext,
  ): Promise<object> {
    const { note = null } = body;
    return this.commandBus.executeContact(http, { type: 'CompleteFollowUp', leadId, followUpId, note });
  }

  @Post(':fid/cancel')
  @ApiCommand('Cancel a follow-up', followUpResponse, [...leadProblems, 'follow_up_completed'])
  cancel(
    @Param('id') leadId: string,
    @Param('fid') followUpId: string,
    @Body() body: CancelRequest,
    @Http() http: HttpContext,
  ): Promise<object> {
    const { reason = null } = body;
    return this.commandBus.executeContact(http, { type: 'CancelFollowUp', leadId, followUpId, reason });
  }

  @Post(':fid/reschedule')
  @ApiCommand('Reschedule a follow-up', followUpResponse, [
    ...leadProblems,
    'follow_up_completed',
    'follow_up_cancelled',
  ])
  reschedule(
    @Param('id') leadId: string,
    @Param('fid') followUpId: string,
    @Body() body: RescheduleRequest,
    @Http() http: HttpContext,
  ): Promise<object> {
    const { reason = null } = body;
    const dueAt = normalizeTime(body.dueAt);
    return this.commandBus.executeContact(http, { type: 'RescheduleFollowUp', leadId, followUpId, dueAt, reason });
  }
}

const normalizeTime = (text: string): string => parseInstant(text)?.at ?? text;
