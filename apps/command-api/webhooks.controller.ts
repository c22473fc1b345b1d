import { Controller, Get, HttpCode, Post } from '@nestjs/common';
import { ApiQuery } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { Clock } from '#commands/clock';
import { Http, type HttpContext } from '#http/http-context';
import { ApiProviderWebhook, ApiText } from '#http/openapi.decorators';
import { invalidInput, Problem } from '#http/problem';
import { ProviderSecrets } from '#http/provider-secrets';
import { parseJsonBody, RawBody } from '#http/raw-body';
import { getHeader } from '#http/request';
import { translateSendGrid } from './sendgrid.translator.js';
import { isFromSendGrid, isFromTwilio, isFromWhatsApp, isSameSecret } from './signatures.js';
import { translateTwilio } from './twilio.translator.js';
import { WebhookIntake, type WebhookCounts } from './webhook-intake.js';
import { translateWhatsApp } from './whatsapp.translator.js';

const sendGridHeaders = ['X-Twilio-Email-Event-Webhook-Signature', 'X-Twilio-Email-Event-Webhook-Timestamp'];

/** What providers send of themselves. It is answered when it is on disk, not before. */
@Controller('v1/webhooks')
export class WebhooksController {
  constructor(
    private readonly intake: WebhookIntake,
    private readonly secrets: ProviderSecrets,
    private readonly clock: Clock,
  ) {}

  /** The handshake: WhatsApp asks whether this address is meant to hear of it. */
  @Get('whatsapp')
  @ApiQuery({ name: 'hub.mode', enum: ['subscribe'] })
  @ApiQuery({ name: 'hub.verify_token', type: String })
  @ApiQuery({ name: 'hub.challenge', type: String })
  @ApiText("WhatsApp's handshake", { 200: ['text/plain'] }, ['forbidden', 'validation_failed', 'unavailable'])
  verify(@Http() { request, reply }: HttpContext): string {
    const token = inUse(this.secrets.whatsappVerifyToken, 'WHATSAPP_VERIFY_TOKEN');
    const asked = request.query as Readonly<Record<string, unknown>>;
    const { 'hub.mode': mode, 'hub.verify_token': word, 'hub.challenge': challenge } = asked;
    if (mode !== 'subscribe' || typeof word !== 'string' || !isSameSecret(word, token))
      throw new Problem('forbidden', 'This is not the verify token.');
    if (typeof challenge !== 'string')
      throw invalidInput({ field: 'hub.challenge', code: 'required', message: 'must be given once' });
    void reply.type('text/plain; charset=utf-8').header('x-content-type-options', 'nosniff');
    return challenge;
  }

  @Post('whatsapp')
  @ApiProviderWebhook('What WhatsApp tells', 'WebhookAnswer', ['X-Hub-Signature-256'], ['malformed_json'])
  @HttpCode(200)
  @RawBody('application/json')
  whatsapp(@Http() { request }: HttpContext): Promise<WebhookCounts> {
    const secret = inUse(this.secrets.whatsappAppSecret, 'WHATSAPP_APP_SECRET');
    const bytes = bytesOf(request);
    if (!isFromWhatsApp(bytes, getHeader(request, 'x-hub-signature-256'), secret)) throw notTheirs();
    return this.intake.accept('whatsapp', translateWhatsApp(parseJsonBody(bytes)), request);
  }

  /** Answered in TwiML that says nothing: an inbound message asks what to answer its sender. */
  @Post('twilio')
  @ApiProviderWebhook('What Twilio tells', ['text/xml'], ['X-Twilio-Signature'])
  @HttpCode(200)
  @RawBody('application/x-www-form-urlencoded')
  async twilio(@Http() { request, reply }: HttpContext): Promise<string> {
    const token = inUse(this.secrets.twilioAuthToken, 'TWILIO_AUTH_TOKEN');
    const form = new URLSearchParams(bytesOf(request).toString('utf8'));
    const url = this.urlOf(request);
    if (!isFromTwilio(url, form, getHeader(request, 'x-twilio-signature'), token)) throw notTheirs();
    await this.intake.accept('twilio', [translateTwilio(form)], request);
    void reply.type('text/xml; charset=utf-8');
    return '<?xml version="1.0" encoding="UTF-8"?><Response/>';
  }

  @Post('sendgrid')
  @ApiProviderWebhook('What SendGrid tells', 'WebhookAnswer', sendGridHeaders, ['malformed_json'])
  @HttpCode(200)
  @RawBody('application/json')
  sendgrid(@Http() { request }: HttpContext): Promise<WebhookCounts> {
    const key = inUse(this.secrets.sendgridPublicKey, 'SENDGRID_PUBLIC_KEY');
    const bytes = bytesOf(request);
    const signed = {
      signature: getHeader(request, 'x-twilio-email-event-webhook-signature'),
      timestamp: getHeader(request, 'x-twilio-email-event-webhook-timestamp'),
    };
    if (!isFromSendGrid(bytes, signed, key, this.clock.now())) throw notTheirs();
    return this.intake.accept('sendgrid', translateSendGrid(parseJsonBody(bytes)), request);
  }

  /** As the provider wrote it. PUBLIC_URL may name the webhook, or only what its path follows. */
  private urlOf({ protocol, host, url }: FastifyRequest): string {
    const base = this.secrets.publicUrl ?? `${protocol}://${host}`;
    const [path = '', ...query] = url.split('?');
    return [base.endsWith(path) ? base : base + path, ...query].join('?');
  }
}

const bytesOf = ({ body }: FastifyRequest): Buffer => (Buffer.isBuffer(body) ? body : Buffer.alloc(0));

function inUse<Secret>(secret: Secret | null, setting: string): Secret {
  if (secret === null) throw new Problem('unavailable', `This webhook is not in use here: ${setting} is not set.`);
  return secret;
}

const notTheirs = (): Problem =>
  new Problem('unauthorized', 'The signature is missing, too old, or not that of the provider. Nothing was stored.');
