import { Body, Controller, Param, Post } from '@nestjs/common';
import type { BatchItem } from '#commands/batch';
import type { ReceiptOf, Send } from '#commands/message.handler';
import { CommandGate } from '#http/command-gate';
import { Http, type Exchange } from '#http/exchange';
import { instantOf } from '#http/instant';
import { Makes, Records } from '#http/openapi.decorators';
import { itemsOf } from '#http/valid';
import { BroadcastRequest, ReceiptRequest, ReceiptsRequest, SendRequest, SendsRequest } from './broadcasts.requests.js';

@Controller('v1')
export class BroadcastsController {
  constructor(private readonly gate: CommandGate) {}

  @Post('broadcasts')
  @Makes('Create a broadcast', 'BroadcastAnswer', ['broadcast_exists'])
  create(@Body() said: BroadcastRequest, @Http() http: Exchange): Promise<object> {
    const { id: broadcastId = null, name, channel, campaign } = said;
    const { language, category = null, body = null } = said.template;
    return this.gate.broadcast(
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
  @Records('Record messages that were sent', ['not_found'])
  send(@Param('id') broadcastId: string, @Body() said: SendsRequest, @Http() http: Exchange): Promise<object> {
    const items = itemsOf(SendRequest, said.messages, (it): Send => {
      const { contactId, messageId, attempt = null, parameters = null } = it;
      return { contactId, messageId, attempt, parameters, sentAt: instantOf(it.sentAt)?.at ?? null };
    });
    return this.gate.batch(http, { type: 'RecordSends', broadcastId, items });
  }

  @Post('receipts')
  @Records('Record what providers say of messages')
  receive(@Body() said: ReceiptsRequest, @Http() http: Exchange): Promise<object> {
    const items: readonly BatchItem<ReceiptOf>[] = itemsOf(ReceiptRequest, said.receipts, (it): ReceiptOf => {
      const { channel, messageId, status, error } = it;
      const at = instantOf(it.occurredAt)?.at ?? null;
      return {
        channel,
        messageId,
        status,
        at,
        error: error ? { code: error.code, detail: error.detail ?? null } : null,
      };
    });
    return this.gate.batch(http, { type: 'RecordReceipts', items });
  }
}
