import { Body, Controller, Post } from '@nestjs/common';
import { CommandGate } from '#http/command-gate';
import { Http, type Exchange } from '#http/exchange';
import { DoesMany } from '#http/openapi.decorators';
import { actionOf, BulkRequest } from './bulk.requests.js';

@Controller('v1/bulk')
export class BulkController {
  constructor(private readonly gate: CommandGate) {}

  @Post()
  @DoesMany('Do the same to many leads', ['bulk_rejected'])
  start(@Body() said: BulkRequest, @Http() http: Exchange): Promise<object> {
    const { action, target, mode = 'best_effort' } = said;
    return this.gate.bulk(http, { type: 'StartBulk', action: actionOf(action), mode, ids: target.ids });
  }
}
