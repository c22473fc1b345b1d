import { Body, Controller, Post } from '@nestjs/common';
import { CommandGate } from '#http/command-gate';
import { Http, type Exchange } from '#http/exchange';
import { instantOf } from '#http/instant';
import { Makes } from '#http/openapi.decorators';
import { InteractionRequest } from './interactions.requests.js';

@Controller('v1/interactions')
export class InteractionsController {
  constructor(private readonly gate: CommandGate) {}

  @Post()
  @Makes('Record an interaction of a contact; the first opens a lead', 'InteractionAnswer', [], { again: true })
  record(@Body() said: InteractionRequest, @Http() http: Exchange): Promise<object> {
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
    const occurredAt = instantOf(said.occurredAt) ?? null;
    const profile = { ...said.profile };
    return this.gate.contact(
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
