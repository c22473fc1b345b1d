import { Body, Controller, Post } from '@nestjs/common';
import { HttpCommandBus } from '#http/http-command-bus';
import { Http, type HttpContext } from '#http/http-context';
import { parseInstant } from '#http/instant';
import { ApiCreateCommand } from '#http/openapi.decorators';
import { InteractionRequest } from './interactions.requests.js';
import { interactionResponse } from './interactions.responses.js';

@Controller('v1/interactions')
export class InteractionsController {
  constructor(private readonly commandBus: HttpCommandBus) {}

  @Post()
  @ApiCreateCommand(
    {
      summary: 'Record an interaction',
      description:
        'Records an interaction of a contact on its active lead. If the contact has no active lead, a lead is created. A repeated message returns 200 and changes nothing.',
    },
    interactionResponse,
    [],
    { mayExist: true },
  )
  record(@Body() body: InteractionRequest, @Http() http: HttpContext): Promise<object> {
    const { contactId, channel, kind, messageId } = body;
    return this.commandBus.executeContact(
      http,
      {
        type: 'RecordInteraction',
        contactId,
        channel,
        kind,
        messageId,
        occurredAt: parseInstant(body.occurredAt) ?? null,
        text: body.text ?? null,
        media: body.media ?? null,
        inReplyTo: body.inReplyTo ?? null,
        integration: body.integration ?? null,
        profile: { ...body.profile },
      },
      { location: () => `/v1/contacts/${encodeURIComponent(contactId)}/history` },
    );
  }
}
