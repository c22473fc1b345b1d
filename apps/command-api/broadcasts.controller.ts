import { Body, Controller, Param, Post } from '@nestjs/common';
import type { BatchItem } from '#commands/batch';
import type { ReceiptInput, SendInput } from '#commands/message.handler';
import { HttpCommandBus } from '#http/http-command-bus';
import { Http, type HttpContext } from '#http/http-context';
import { parseInstant } from '#http/instant';
import { ApiCreateCommand, ApiBatchCommand } from '#http/openapi.decorators';
import { validateItems } from '#http/validation';
import { BroadcastRequest, ReceiptRequest, ReceiptsRequest, SendRequest, SendsRequest } from './broadcasts.requests.js';

@Controller('v1')
export class BroadcastsController {
  constructor(private readonly gate: HttpCommandBus) {}

  @Post('broadcasts')
  @ApiCreateCommand('Create a broadcast', 'BroadcastAnswer', ['broadcast_exists'])
  create(@Body() said: BroadcastRequest, @Http() http: HttpContext): Promise<object> {
    const { id: broadcastId = null, name, channel, campaign } = said;
    const { language, category = null, body = null } = said.template;
    return this.gate.executeBroadcast(
      http,
      {
        type: 'CreateBroadcast',
        broadcastId,
        name,
        channel,
        campaign: { id: campaign.id, name: campaign.name },
        template: { name: said.template.name, language, category, body },
      },
      { location: (id) => `/v1/broadcasts/${encodeURIComponent(id)}` },
    );
  }

  @Post('broadcasts/:id/messages')
  @ApiBatchCommand('Record messages that were sent', ['not_found'])
  send(@Param('id') broadcastId: string, @Body() said: SendsRequest, @Http() http: HttpContext): Promise<object> {
    const items = validateItems(SendRequest, said.messages, (it): SendInput => {
      const { contactId, messageId, attempt = null, parameters = null } = it;
      return { contactId, messageId, attempt, parameters, sentAt: parseInstant(it.sentAt)?.at ?? null };
    });
    return this.gate.executeBatch(http, { type: 'RecordSends', broadcastId, items });
  }

  @Post('receipts')
  @ApiBatchCommand('Record what providers say of messages')
  receive(@Body() said: ReceiptsRequest, @Http() http: HttpContext): Promise<object> {
    const items: readonly BatchItem<ReceiptInput>[] = validateItems(
      ReceiptRequest,
      said.receipts,
      (it): ReceiptInput => {
        const { channel, messageId, status, error } = it;
        const at = parseInstant(it.occurredAt)?.at ?? null;
        return {
          channel,
          messageId,
          status,
          at,
          error: error ? { code: error.code, detail: error.detail ?? null } : null,
        };
      },
    );
    return this.gate.executeBatch(http, { type: 'RecordReceipts', items });
  }
}
