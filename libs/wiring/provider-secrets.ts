import type { KeyObject } from 'node:crypto';

/** Secrets shared with channel providers, which authenticate their webhooks. A null secret turns its webhook off. */
export abstract class ProviderSecrets {
  abstract readonly whatsappAppSecret: string | null;
  abstract readonly whatsappVerifyToken: string | null;
  abstract readonly twilioAuthToken: string | null;
  /** ECDSA, P-256. */
  abstract readonly sendgridPublicKey: KeyObject | null;
  /** Base URL under which providers reach this service behind a proxy, without a trailing slash. Null: the request's own URL. */
  abstract readonly publicUrl: string | null;
}
