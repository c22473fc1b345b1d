import { Body, Controller, Param, Post } from '@nestjs/common';
import { CommandGate } from '#http/command-gate';
import { Http, type Exchange } from '#http/exchange';
import { instantOf } from '#http/instant';
import { CancelRequest, CompleteRequest, FollowUpRequest, RescheduleRequest } from './leads.requests.js';

@Controller('v1/leads/:id/follow-ups')
export class FollowUpsController {
  constructor(private readonly gate: CommandGate) {}

  @Post()
  create(@Param('id') leadId: string, @Body() said: FollowUpRequest, @Http() http: Exchange): Promise<object> {
    const { note = null, assigneeId = null, alsoSetStatus = false } = said;
    const ask = { type: 'CreateFollowUp', leadId, dueAt: due(said.dueAt), note, assigneeId, alsoSetStatus } as const;
    return this.gate.contact(http, ask, { location: () => `/v1/follow-ups?leadId=${leadId}`, versioned: true });
  }

  @Post(':fid/complete')
  complete(
    @Param('id') leadId: string,
    @Param('fid') followUpId: string,
    @Body() said: CompleteRequest,
    @Http() http: Exchange,
  ): Promise<object> {
    const { note = null } = said;
    return this.gate.contact(http, { type: 'CompleteFollowUp', leadId, followUpId, note });
  }

  @Post(':fid/cancel')
  cancel(
    @Param('id') leadId: string,
    @Param('fid') followUpId: string,
    @Body() said: CancelRequest,
    @Http() http: Exchange,
  ): Promise<object> {
    const { reason = null } = said;
    return this.gate.contact(http, { type: 'CancelFollowUp', leadId, followUpId, reason });
  }

  @Post(':fid/reschedule')
  reschedule(
    @Param('id') leadId: string,
    @Param('fid') followUpId: string,
    @Body() said: RescheduleRequest,
    @Http() http: Exchange,
  ): Promise<object> {
    const { dueAt, reason = null } = said;
    return this.gate.contact(http, { type: 'RescheduleFollowUp', leadId, followUpId, dueAt: due(dueAt), reason });
  }
}

const due = (text: string): string => instantOf(text)?.at ?? text;
