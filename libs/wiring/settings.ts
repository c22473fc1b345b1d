import { createPublicKey, type KeyObject } from 'node:crypto';
import { resolve } from 'node:path';
import { autoAssignmentModes, type AutoAssignmentMode } from '#domain/agent/agent.rotation';
import { defaultPolicy, type Policy } from '#domain/decider';
import { isLoopback } from '#http/loopback';
import type { ProviderSecrets } from './provider-secrets.js';

/** How this process runs, from the environment. */
export interface Settings {
  readonly port: number;
  readonly host: string;
  /** Absolute. */
  readonly dataDir: string;
  readonly eventStoreUrl: string;
  readonly readStoreUrl: string;
  /** Null: made and kept in the data folder. */
  readonly idKey: string | null;
  readonly logLevel: LogLevel;
  readonly providers: ProviderSecrets;
  /** Of the one organization that there is. */
  readonly policy: Policy;
  /** How leads that wait get an agent by themselves; null: they don't. */
  readonly autoAssignment: AutoAssignmentMode | null;
  readonly qualification: QualificationSettings;
}

/** Who scores leads by itself, and how long after their newest interaction. */
export interface QualificationSettings {
  readonly scorer: (typeof scorers)[number];
  readonly debounceMs: number;
  /** For `openai`. */
  readonly endpoint: {
    readonly url: string;
    readonly key: string | null;
    readonly model: string;
    readonly timeoutMs: number;
  };
}

export const scorers = ['local', 'openai', 'off'] as const;

const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

/** A setting that can't be: the process must not start. */
export class InvalidSettings extends Error {
  override readonly name = 'InvalidSettings';
}

/**
 * Reads and checks all settings at once.
 * @throws InvalidSettings naming every setting that is wrong, what it was and what it may be
 */
export function parseSettings(env: Readonly<Record<string, string | undefined>>): Settings {
  const wrong: string[] = [];
  const given = (name: string): string | undefined => env[name]?.trim() || undefined;
  const take = <T>(name: string, fallback: string, read: (text: string) => T | undefined, allowed: string): T => {
    const text = given(name) ?? fallback;
    const value = read(text);
    // What may hold a secret is not repeated.
    const told = /(KEY|URL|TOKEN|SECRET)$/.test(name) ? name : `${name} is "${text}" but`;
    if (value === undefined) wrong.push(`${told} must be ${allowed}`);
    return value as T;
  };

  const dataDir = resolve(given('DATA_DIR') ?? './data');
  const settings: Settings = {
    port: take('PORT', '3000', portOf, 'a port from 0 to 65535'),
    host: take('HOST', '127.0.0.1', hostOf, 'an address or a host name'),
    dataDir,
    eventStoreUrl: take('EVENT_STORE_URL', `sqlite:${dataDir}/events.db`, parseEventStoreUrl, eventStoreUrlHint),
    readStoreUrl: take(
      'READ_STORE_URL',
      `sqlite:${dataDir}/views`,
      urlOf('mongodb:', 'mongodb+srv:'),
      'sqlite:<folder> or mongodb://…/<database>',
    ),
    idKey: given('ID_KEY') === undefined ? null : take('ID_KEY', '', keyOf, 'at least 16 characters'),
    logLevel: take(
      'LOG_LEVEL',
      'info',
      (text) => logLevels.find((it) => it === text),
      `one of ${logLevels.join(', ')}`,
    ),
    providers: {
      whatsappAppSecret: given('WHATSAPP_APP_SECRET') ?? null,
      whatsappVerifyToken: given('WHATSAPP_VERIFY_TOKEN') ?? null,
      twilioAuthToken: given('TWILIO_AUTH_TOKEN') ?? null,
      sendgridPublicKey:
        given('SENDGRID_PUBLIC_KEY') === undefined
          ? null
          : take('SENDGRID_PUBLIC_KEY', '', publicKeyOf, 'a P-256 public key as base64 DER, as SendGrid shows it'),
      publicUrl:
        given('PUBLIC_URL') === undefined
          ? null
          : take('PUBLIC_URL', '', publicUrlOf, 'an http or https URL without a query, such as https://leads.example'),
    },
    policy: {
      optOutKeywords: take(
        'OPT_OUT_KEYWORDS',
        defaultPolicy.optOutKeywords.filter((it) => it !== 'stop').join(','),
        keywordsOf,
        'texts of at most 100 characters with a letter or digit in each, separated by commas',
      ),
      attributionWindowHours: take(
        'ATTRIBUTION_WINDOW_HOURS',
        `${defaultPolicy.attributionWindowHours}`,
        hoursOf,
        'whole hours from 0 to 8760',
      ),
      lostNeedsReason: take('LOST_NEEDS_REASON', switched(defaultPolicy.lostNeedsReason), switchOf, 'on or off'),
      firstMessageMakesContacted: take(
        'FIRST_MESSAGE_MAKES_CONTACTED',
        switched(defaultPolicy.firstMessageMakesContacted),
        switchOf,
        'on or off',
      ),
    },
    autoAssignment: take('AUTO_ASSIGNMENT', 'off', autoAssignmentOf, `off or one of ${autoAssignmentModes.join(', ')}`),
    qualification: {
      scorer: take(
        'QUALIFICATION',
        'local',
        (text) => scorers.find((it) => it === text),
        `one of ${scorers.join(', ')}`,
      ),
      debounceMs: take('QUALIFICATION_DEBOUNCE_MS', '2000', millisecondsOf, 'milliseconds, up to 3600000'),
      endpoint: {
        url: take(
          'OPENAI_URL',
          'https://api.openai.com/v1',
          publicUrlOf,
          'an http or https URL without a query, such as https://api.openai.com/v1',
        ),
        key: given('OPENAI_API_KEY') ?? null,
        model: given('OPENAI_MODEL') ?? '',
        timeoutMs: take('OPENAI_TIMEOUT_MS', '20000', millisecondsOf, 'milliseconds, up to 3600000'),
      },
    },
  };
  if (settings.qualification.scorer === 'openai' && settings.qualification.endpoint.model === '')
    wrong.push('OPENAI_MODEL is needed with QUALIFICATION=openai: which model to ask');
  if (settings.host !== undefined && !isLoopback(settings.host))
    wrong.push(
      `HOST is "${settings.host}", which others can reach, and authentication is off: listen on 127.0.0.1, ::1 or localhost`,
    );
  if (settings.eventStoreUrl?.startsWith('esdb') && settings.idKey === null)
    wrong.push('ID_KEY is needed with esdb://: all processes must derive the same keys');
  if (wrong.length > 0) throw new InvalidSettings(wrong.join('\n'));
  return settings;
}

const portOf = (text: string): number | undefined =>
  /^\d{1,5}$/.test(text) && Number(text) <= 65_535 ? Number(text) : undefined;

const hostOf = (text: string): string | undefined => (/^[A-Za-z0-9.:_-]{1,255}$/.test(text) ? text : undefined);

/** A file or folder of our own, or a server of one of these kinds. */
const urlOf =
  (...protocols: readonly string[]) =>
  (text: string): string | undefined =>
    /^sqlite:.+/.test(text) || protocols.some((it) => text.startsWith(`${it}//`) && text.length > it.length + 2)
      ? text
      : undefined;

/** What the URL of a log may be, in words; and the text if it is one. */
export const eventStoreUrlHint = 'sqlite:<file> or esdb://…';
export const parseEventStoreUrl = urlOf('esdb:', 'esdb+discover:');

/** STOP always counts: providers and the law know that word. */
function keywordsOf(text: string): readonly string[] | undefined {
  const keywords = text.split(',').map((it) => it.trim());
  const areWords = keywords.every((it) => /[\p{L}\p{N}]/u.test(it) && it.length <= 100);
  return areWords ? ['stop', ...keywords] : undefined;
}

const hoursOf = (text: string): number | undefined =>
  /^\d{1,4}$/.test(text) && Number(text) <= 8_760 ? Number(text) : undefined;

const switched = (on: boolean): string => (on ? 'on' : 'off');
const switchOf = (text: string): boolean | undefined => (text === 'on' ? true : text === 'off' ? false : undefined);

const autoAssignmentOf = (text: string): AutoAssignmentMode | null | undefined =>
  text === 'off' ? null : autoAssignmentModes.find((it) => it === text);

const keyOf = (text: string): string | undefined => (text.length >= 16 ? text : undefined);

function publicKeyOf(text: string): KeyObject | undefined {
  try {
    const key = createPublicKey({ key: Buffer.from(text, 'base64'), format: 'der', type: 'spki' });
    return key.asymmetricKeyDetails?.namedCurve === 'prime256v1' ? key : undefined;
  } catch {
    return undefined;
  }
}

function publicUrlOf(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isPlain = url && /^https?:$/.test(url.protocol) && !url.search && !url.hash && !url.username;
  return isPlain ? text.replace(/\/+$/, '') : undefined;
}

const millisecondsOf = (text: string): number | undefined =>
  /^\d{1,7}$/.test(text) && Number(text) <= 3_600_000 ? Number(text) : undefined;
