import { Body, Controller, Param, Post } from '@nestjs/common';
import { maxSynchronousItems } from '#commands/bulk.handler';
import { HttpCommandBus } from '#http/http-command-bus';
import { Http, type HttpContext } from '#http/http-context';
import { ApiBulkCommand, ApiJobCommand } from '#http/openapi.decorators';
import { parseBulkAction, BulkRequest, parseBulkTarget } from './bulk.requests.js';
import { bulkJobResponse, bulkResponse } from './bulk.responses.js';
import { NothingRequest } from './leads.requests.js';

@Controller('v1/bulk')
export class BulkController {
  constructor(private readonly commandBus: HttpCommandBus) {}

  @Post()
  @ApiBulkCommand(
    {
      summary: 'Run one action on many leads',
      description: `Runs the action on each lead as an ordinary command. Up to ${maxSynchronousItems} IDs are processed at once. More IDs, or a filter, start a job: the response is 202, and \`Location\` is the path of the job.`,
    },
    { outcome: bulkResponse, job: bulkJobResponse },
    ['bulk_rejected', 'selection_changed', 'projection_behind'],
  )
  start(@Body() body: BulkRequest, @Http() http: HttpContext): Promise<object> {
    const { action, target, mode = 'best_effort' } = body;
    return this.commandBus.executeBulk(http, {
      type: 'StartBulk',
      action: parseBulkAction(action),
      mode,
      target: parseBulkTarget(target),
    });
  }

  @Post(':id/cancel')
  @ApiJobCommand(
    {
      summary: 'Cancel a bulk job',
      description: 'Stops the job after the current block of items. Changes that were already made remain.',
    },
    bulkJobResponse,
    [200],
    ['not_found', 'bulk_closed'],
  )
  cancel(@Param('id') bulkId: string, @Body() _: NothingRequest, @Http() http: HttpContext): Promise<object> {
    return this.commandBus.executeBulk(http, { type: 'CancelBulk', bulkId });
  }

  @Post(':id/retry')
  @ApiJobCommand(
    {
      summary: 'Retry the failed items of a bulk job',
      description:
        'Runs the action again on the items that were rejected or in conflict. A failed `all_or_nothing` job checks every item again.',
    },
    bulkJobResponse,
    [200, 202],
    ['not_found', 'bulk_running', 'bulk_closed'],
  )
  retry(@Param('id') bulkId: string, @Body() _: NothingRequest, @Http() http: HttpContext): Promise<object> {
    return this.commandBus.executeBulk(http, { type: 'RetryBulk', bulkId });
  }
}
