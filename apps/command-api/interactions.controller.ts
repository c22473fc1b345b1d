import { Body, Controller, Post } from '@nestjs/common';
import { HttpCommandBus } from '#http/http-command-bus';
import { Http, type HttpContext } from '#http/http-context';
import { parseInstant } from '#http/instant';
import { ApiCreateCommand } from '#http/openapi.decorators';
import { InteractionRequest } from './interactions.requests.js';

@Controller('v1/interactions')
export class InteractionsController {
  constructor(private readonly gate: HttpCommandBus) {}

  @Post()
  @ApiCreateCommand('Record an interaction of a contact; the first opens a lead', 'InteractionAnswer', [], {
    mayExist: true,
  })
  record(@Body() said: InteractionRequest, @Http() http: HttpContext): Promise<object> {
    const {
      contactId,
      channel,
      kind,
      messageId,
      text = null,
      media = null,
      inReplyTo = null,
      integration = null,
    } = said;
    const occurredAt = parseInstant(said.occurredAt) ?? null;
    const profile = { ...said.profile };
    return this.gate.executeContact(
      http,
      {
        type: 'RecordInteraction',
        contactId,
        channel,
        kind,
        messageId,
        occurredAt,
        text,
        media,
        inReplyTo,
        integration,
        profile,
      },
      { location: () => `/v1/contacts/${encodeURIComponent(contactId)}/history` },
    );
  }
}
