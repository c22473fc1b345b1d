import type { KeyObject } from 'node:crypto';

/** What providers of channels share with us, so that their webhooks can be told from others. Null: not in use here. */
export abstract class ProviderSecrets {
  abstract readonly whatsappAppSecret: string | null;
  abstract readonly whatsappVerifyToken: string | null;
  abstract readonly twilioAuthToken: string | null;
  /** ECDSA, P-256. */
  abstract readonly sendgridPublicKey: KeyObject | null;
  /** Where the providers reach us when a proxy stands in front, without a slash at its end. Null: where the request says. */
  abstract readonly publicUrl: string | null;
}
