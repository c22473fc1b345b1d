import { Body, Controller, Param, Post } from '@nestjs/common';
import type { ReceiptInput, SendInput } from '#commands/message.handler';
import { HttpCommandBus } from '#http/http-command-bus';
import { Http, type HttpContext } from '#http/http-context';
import { parseInstant } from '#http/instant';
import { ApiCreateCommand, ApiBatchCommand } from '#http/openapi.decorators';
import { validateItems } from '#http/validation';
import { BroadcastRequest, ReceiptRequest, ReceiptsRequest, SendRequest, SendsRequest } from './broadcasts.requests.js';
import { batchResponse, broadcastResponse } from './broadcasts.responses.js';

@Controller('v1')
export class BroadcastsController {
  constructor(private readonly commandBus: HttpCommandBus) {}

  @Post('broadcasts')
  @ApiCreateCommand('Create a broadcast', broadcastResponse, ['broadcast_exists'])
  create(@Body() body: BroadcastRequest, @Http() http: HttpContext): Promise<object> {
    const { id: broadcastId = null, name, channel, campaign, template } = body;
    return this.commandBus.executeBroadcast(
      http,
      {
        type: 'CreateBroadcast',
        broadcastId,
        name,
        channel,
        campaign: { id: campaign.id, name: campaign.name },
        template: {
          name: template.name,
          language: template.language,
          category: template.category ?? null,
          body: template.body ?? null,
        },
      },
      { location: (id) => `/v1/broadcasts/${encodeURIComponent(id)}` },
    );
  }

  @Post('broadcasts/:id/messages')
  @ApiBatchCommand(
    {
      summary: 'Record sent messages',
      description:
        'Records messages of a broadcast that were sent to contacts. Each item is validated and recorded on its own.',
    },
    batchResponse,
    ['not_found'],
  )
  send(@Param('id') broadcastId: string, @Body() body: SendsRequest, @Http() http: HttpContext): Promise<object> {
    const items = validateItems(SendRequest, body.messages, toSendInput);
    return this.commandBus.executeBatch(http, { type: 'RecordSends', broadcastId, items });
  }

  @Post('receipts')
  @ApiBatchCommand(
    {
      summary: 'Record delivery receipts',
      description:
        'Records delivery receipts from providers. They may arrive in any order, even before the message itself is recorded. Each item is validated and recorded on its own.',
    },
    batchResponse,
  )
  receive(@Body() body: ReceiptsRequest, @Http() http: HttpContext): Promise<object> {
    const items = validateItems(ReceiptRequest, body.receipts, toReceiptInput);
    return this.commandBus.executeBatch(http, { type: 'RecordReceipts', items });
  }
}

const toSendInput = ({ contactId, messageId, sentAt, attempt, parameters }: SendRequest): SendInput => ({
  contactId,
  messageId,
  attempt: attempt ?? null,
  parameters: parameters ?? null,
  sentAt: parseInstant(sentAt)?.at ?? null,
});

const toReceiptInput = ({ channel, messageId, status, occurredAt, error }: ReceiptRequest): ReceiptInput => ({
  channel,
  messageId,
  status,
  at: parseInstant(occurredAt)?.at ?? null,
  error: error ? { code: error.code, detail: error.detail ?? null } : null,
});
