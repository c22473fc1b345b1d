import { Body, Controller, Param, Post } from '@nestjs/common';
import { CommandGate } from '#http/command-gate';
import { Http, type Exchange } from '#http/exchange';
import { DoesMany, Steers } from '#http/openapi.decorators';
import { actionOf, BulkRequest, targetOf } from './bulk.requests.js';
import { NothingRequest } from './leads.requests.js';

@Controller('v1/bulk')
export class BulkController {
  constructor(private readonly gate: CommandGate) {}

  @Post()
  @DoesMany('Do the same to many leads', ['bulk_rejected', 'selection_changed', 'projection_behind'])
  start(@Body() said: BulkRequest, @Http() http: Exchange): Promise<object> {
    const { action, target, mode = 'best_effort' } = said;
    return this.gate.bulk(http, { type: 'StartBulk', action: actionOf(action), mode, target: targetOf(target) });
  }

  @Post(':id/cancel')
  @Steers('Cancel a job: no more items are begun', [200], ['not_found', 'bulk_closed'])
  cancel(@Param('id') bulkId: string, @Body() _: NothingRequest, @Http() http: Exchange): Promise<object> {
    return this.gate.bulk(http, { type: 'CancelBulk', bulkId });
  }

  @Post(':id/retry')
  @Steers('Try again what was rejected or in conflict', [200, 202], ['not_found', 'bulk_running', 'bulk_closed'])
  retry(@Param('id') bulkId: string, @Body() _: NothingRequest, @Http() http: Exchange): Promise<object> {
    return this.gate.bulk(http, { type: 'RetryBulk', bulkId });
  }
}
