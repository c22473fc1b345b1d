import { Body, Controller, Param, Post } from '@nestjs/common';
import { HttpCommandBus } from '#http/http-command-bus';
import { Http, type HttpContext } from '#http/http-context';
import { ApiBulkCommand, ApiJobCommand } from '#http/openapi.decorators';
import { parseBulkAction, BulkRequest, parseBulkTarget } from './bulk.requests.js';
import { NothingRequest } from './leads.requests.js';

@Controller('v1/bulk')
export class BulkController {
  constructor(private readonly gate: HttpCommandBus) {}

  @Post()
  @ApiBulkCommand('Do the same to many leads', ['bulk_rejected', 'selection_changed', 'projection_behind'])
  start(@Body() said: BulkRequest, @Http() http: HttpContext): Promise<object> {
    const { action, target, mode = 'best_effort' } = said;
    return this.gate.executeBulk(http, {
      type: 'StartBulk',
      action: parseBulkAction(action),
      mode,
      target: parseBulkTarget(target),
    });
  }

  @Post(':id/cancel')
  @ApiJobCommand('Cancel a job: no more items are begun', [200], ['not_found', 'bulk_closed'])
  cancel(@Param('id') bulkId: string, @Body() _: NothingRequest, @Http() http: HttpContext): Promise<object> {
    return this.gate.executeBulk(http, { type: 'CancelBulk', bulkId });
  }

  @Post(':id/retry')
  @ApiJobCommand('Try again what was rejected or in conflict', [200, 202], ['not_found', 'bulk_running', 'bulk_closed'])
  retry(@Param('id') bulkId: string, @Body() _: NothingRequest, @Http() http: HttpContext): Promise<object> {
    return this.gate.executeBulk(http, { type: 'RetryBulk', bulkId });
  }
}
