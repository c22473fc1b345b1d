import { Controller, Get, HttpCode, Post } from '@nestjs/common';
import { ApiQuery } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { Clock } from '#commands/clock';
import { Http, type HttpContext } from '#http/http-context';
import { ApiProviderWebhook, ApiText } from '#http/openapi.decorators';
import { invalidInput, Problem } from '#http/problem';
import { ProviderSecrets } from '#wiring/provider-secrets';
import { parseProviderBody, RawBody } from '#http/raw-body';
import { getHeader } from '#http/request';
import { translateSendGrid } from './sendgrid.translator.js';
import { isFromSendGrid, isFromTwilio, isFromWhatsApp, isSameSecret } from './signatures.js';
import { translateTwilio } from './twilio.translator.js';
import { WebhookIntake, type WebhookCounts } from './webhook-intake.js';
import { webhookResponse } from './webhooks.responses.js';
import { translateWhatsApp } from './whatsapp.translator.js';

const sendGridHeaders = ['X-Twilio-Email-Event-Webhook-Signature', 'X-Twilio-Email-Event-Webhook-Timestamp'];
const webhookDescription =
  'Called by the provider. The signature is verified over the raw body. The response is sent once all valid items are on disk.';

@Controller('v1/webhooks')
export class WebhooksController {
  constructor(
    private readonly intake: WebhookIntake,
    private readonly secrets: ProviderSecrets,
    private readonly clock: Clock,
  ) {}

  @Get('whatsapp')
  @ApiQuery({ name: 'hub.mode', enum: ['subscribe'], description: 'Always `subscribe`.' })
  @ApiQuery({ name: 'hub.verify_token', type: String, description: 'The value of `WHATSAPP_VERIFY_TOKEN`.' })
  @ApiQuery({ name: 'hub.challenge', type: String, description: 'Text to return in the response.' })
  @ApiText(
    {
      summary: 'Verify the WhatsApp webhook',
      description: 'Called by WhatsApp when the webhook is configured. Returns the challenge if the token is correct.',
    },
    { 200: ['text/plain'] },
    ['forbidden', 'validation_failed', 'unavailable'],
  )
  verify(@Http() { request, reply }: HttpContext): string {
    const expectedToken = requireSetting(this.secrets.whatsappVerifyToken, 'WHATSAPP_VERIFY_TOKEN');
    const query = request.query as Readonly<Record<string, unknown>>;
    const { 'hub.mode': mode, 'hub.verify_token': token, 'hub.challenge': challenge } = query;
    if (mode !== 'subscribe' || typeof token !== 'string' || !isSameSecret(token, expectedToken))
      throw new Problem('forbidden', 'The verify token is wrong. Use the value of WHATSAPP_VERIFY_TOKEN.');
    if (typeof challenge !== 'string')
      throw invalidInput({ field: 'hub.challenge', code: 'required', message: 'must be given once' });
    void reply.type('text/plain; charset=utf-8').header('x-content-type-options', 'nosniff');
    return challenge;
  }

  @Post('whatsapp')
  @ApiProviderWebhook(
    { summary: 'Receive WhatsApp events', description: webhookDescription },
    webhookResponse,
    ['X-Hub-Signature-256'],
    ['malformed_json'],
  )
  @HttpCode(200)
  @RawBody('application/json')
  whatsapp(@Http() { request }: HttpContext): Promise<WebhookCounts> {
    const secret = requireSetting(this.secrets.whatsappAppSecret, 'WHATSAPP_APP_SECRET');
    const body = rawBodyOf(request);
    if (!isFromWhatsApp(body, getHeader(request, 'x-hub-signature-256'), secret)) throw invalidSignature();
    return this.intake.accept('whatsapp', translateWhatsApp(parseProviderBody(body)), request);
  }

  /** Returns empty TwiML, because Twilio would send any content as a reply to the inbound message. */
  @Post('twilio')
  @ApiProviderWebhook(
    { summary: 'Receive Twilio events', description: `${webhookDescription} Returns empty TwiML.` },
    ['text/xml'],
    ['X-Twilio-Signature'],
  )
  @HttpCode(200)
  @RawBody('application/x-www-form-urlencoded')
  async twilio(@Http() { request, reply }: HttpContext): Promise<string> {
    const token = requireSetting(this.secrets.twilioAuthToken, 'TWILIO_AUTH_TOKEN');
    const form = new URLSearchParams(rawBodyOf(request).toString('utf8'));
    const signature = getHeader(request, 'x-twilio-signature');
    if (!isFromTwilio(this.publicUrlOf(request), form, signature, token)) throw invalidSignature();
    await this.intake.accept('twilio', [translateTwilio(form)], request);
    void reply.type('text/xml; charset=utf-8');
    return '<?xml version="1.0" encoding="UTF-8"?><Response/>';
  }

  @Post('sendgrid')
  @ApiProviderWebhook(
    { summary: 'Receive SendGrid events', description: webhookDescription },
    webhookResponse,
    sendGridHeaders,
    ['malformed_json'],
  )
  @HttpCode(200)
  @RawBody('application/json')
  sendgrid(@Http() { request }: HttpContext): Promise<WebhookCounts> {
    const key = requireSetting(this.secrets.sendgridPublicKey, 'SENDGRID_PUBLIC_KEY');
    const body = rawBodyOf(request);
    const signed = {
      signature: getHeader(request, 'x-twilio-email-event-webhook-signature'),
      timestamp: getHeader(request, 'x-twilio-email-event-webhook-timestamp'),
    };
    if (!isFromSendGrid(body, signed, key, this.clock.now())) throw invalidSignature();
    return this.intake.accept('sendgrid', translateSendGrid(parseProviderBody(body)), request);
  }

  /** The URL as the provider signed it. PUBLIC_URL may be the URL of the webhook itself or the base of its path. */
  private publicUrlOf({ protocol, host, url }: FastifyRequest): string {
    const base = this.secrets.publicUrl ?? `${protocol}://${host}`;
    const [path = '', ...query] = url.split('?');
    return [base.endsWith(path) ? base : base + path, ...query].join('?');
  }
}

const rawBodyOf = ({ body }: FastifyRequest): Buffer => (Buffer.isBuffer(body) ? body : Buffer.alloc(0));

function requireSetting<Secret>(secret: Secret | null, setting: string): Secret {
  if (secret === null) throw new Problem('unavailable', `This webhook is not configured. Set ${setting} to enable it.`);
  return secret;
}

const invalidSignature = (): Problem =>
  new Problem('unauthorized', "The provider's signature is missing, expired or invalid. Nothing was stored.");
