export const channels = [
  'whatsapp',
  'sms',
  'email',
  'webchat',
  'facebook',
  'instagram',
  'telegram',
  'integration',
] as const;
export type Channel = (typeof channels)[number];

/** A contact's name and addresses. Unknown ones are null. */
export interface Profile {
  /** The contact's name. */
  readonly name: string | null;
  /** The contact's phone number, as it was given. */
  readonly phone: string | null;
  /** The contact's email address, as it was given. */
  readonly email: string | null;
}

export interface Campaign {
  /** The campaign's id, chosen by the caller. */
  readonly id: string;
  /** The campaign's name when the broadcast was created. */
  readonly name: string;
}
