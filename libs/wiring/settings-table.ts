import { createPublicKey, type KeyObject } from 'node:crypto';
import { autoAssignmentModes, type AutoAssignmentMode } from '#domain/agent/agent.rotation';
import { defaultPolicy } from '#domain/decider';
import { isLoopback } from '#http/loopback';

/** A setting of the environment. `Value` is the type that its text becomes. */
export interface Setting<Value> {
  /** The text to use when the environment has none; null: the setting is optional, and its value is then null. */
  readonly default: string | null;
  /** Shown in the documentation instead of `default`, in Markdown. */
  readonly documentedDefault?: string;
  /** Returns undefined if the text is not allowed. */
  readonly parse: (text: string) => Value | undefined;
  /** Completes "must be …" in messages. */
  readonly allowed: string;
  /** For docs/reference/configuration.md, in Markdown. */
  readonly description: string;
  /** May hold a secret: messages do not repeat the value. */
  readonly isSecret?: boolean;
}

export const scorers = ['local', 'openai', 'off'] as const;

const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

export const eventStoreUrlHint = 'sqlite:<file>, esdb://<host>:<port> or kurrentdb://<host>:<port>';

/** The source of parsing, of error messages and of docs/reference/configuration.md (`npm run docs`). */
export const settingsTable = {
  PORT: {
    default: '3000',
    parse: parsePort,
    allowed: 'a port number from 0 to 65535',
    description: 'Port that the process listens on. `0` takes any free port; the log shows which.',
  },
  HOST: {
    default: '127.0.0.1',
    parse: (text) => (isLoopback(text) ? text : undefined),
    allowed: '127.0.0.1, ::1 or localhost: authentication is off, so other machines must not reach the service',
    description:
      'Address that the process listens on. Only loopback addresses are allowed, because requests are not authenticated.',
  },
  DATA_DIR: {
    default: './data',
    parse: parseText,
    allowed: 'a folder',
    description:
      'Folder of the event log, the views and `id.key`. A relative path starts at the working directory. The log shows the absolute path at startup.',
  },
  EVENT_STORE_URL: {
    default: null,
    documentedDefault: '`sqlite:<DATA_DIR>/events.db`',
    parse: parseEventStoreUrl,
    allowed: eventStoreUrlHint,
    description:
      'Event log: `sqlite:<file>`, or `esdb://…` for EventStoreDB; `kurrentdb://…` means the same. If several logs share a server, append `#` and a name of lowercase letters and digits for each.',
    isSecret: true,
  },
  READ_STORE_URL: {
    default: null,
    documentedDefault: '`sqlite:<DATA_DIR>/views`',
    parse: parseReadStoreUrl,
    allowed: 'sqlite:<folder> or mongodb://<host>/<database>, with the name of the database',
    description: 'Views: `sqlite:<folder>`, or `mongodb://<host>/<database>` for MongoDB.',
    isSecret: true,
  },
  ID_KEY: {
    default: null,
    documentedDefault: 'generated on the first start in `<DATA_DIR>/id.key`',
    parse: (text) => (text.length >= 16 ? text : undefined),
    allowed: 'at least 16 characters long',
    description:
      'Secret that contact keys are derived from, at least 16 characters. Required with `esdb://`. Never change or lose it: include it in every backup.',
    isSecret: true,
  },
  LOG_LEVEL: {
    default: 'info',
    parse: oneOf(logLevels),
    allowed: `one of ${logLevels.join(', ')}`,
    description: `Lowest level that is logged: ${logLevels.map((level) => `\`${level}\``).join(', ')}.`,
  },
  OPT_OUT_KEYWORDS: {
    default: defaultPolicy.optOutKeywords.filter((keyword) => keyword !== 'stop').join(','),
    parse: parseKeywords,
    allowed: 'keywords separated by commas, each with a letter or digit and at most 100 characters long',
    description:
      'Keywords that opt a contact out when they are the entire message. Case, spaces and final punctuation do not matter. STOP always opts out.',
  },
  ATTRIBUTION_WINDOW_HOURS: {
    default: String(defaultPolicy.attributionWindowHours),
    parse: parseHours,
    allowed: 'a whole number of hours from 0 to 8760',
    description:
      'Hours after a broadcast in which a reply that names no message counts as a reply to it, from 0 to 8760.',
  },
  LOST_NEEDS_REASON: {
    default: onOff(defaultPolicy.lostNeedsReason),
    parse: parseOnOff,
    allowed: 'on or off',
    description: '`on`: changing a lead to `lost` requires a reason.',
  },
  FIRST_MESSAGE_MAKES_CONTACTED: {
    default: onOff(defaultPolicy.firstMessageMakesContacted),
    parse: parseOnOff,
    allowed: 'on or off',
    description: "`on`: an agent's first message changes a `new` lead to `contacted`.",
  },
  AUTO_ASSIGNMENT: {
    default: 'off',
    parse: parseAutoAssignment,
    allowed: `one of off, ${autoAssignmentModes.join(', ')}`,
    description:
      '`round_robin` or `least_loaded` assigns leads without an agent automatically. See [Automatic assignment](../guides/operate.md#automatic-assignment).',
  },
  WHATSAPP_APP_SECRET: {
    default: null,
    parse: parseText,
    allowed: 'a string',
    description: 'App secret of the WhatsApp Cloud API. A provider whose secret is not set gets 503 from its webhook.',
    isSecret: true,
  },
  WHATSAPP_VERIFY_TOKEN: {
    default: null,
    parse: parseText,
    allowed: 'a string',
    description: 'A secret of your choice that WhatsApp sends back when it verifies the webhook URL.',
    isSecret: true,
  },
  TWILIO_AUTH_TOKEN: {
    default: null,
    parse: parseText,
    allowed: 'a string',
    description: 'Auth token of the Twilio account.',
    isSecret: true,
  },
  SENDGRID_PUBLIC_KEY: {
    default: null,
    parse: parsePublicKey,
    allowed: 'a P-256 public key as base64 DER, as SendGrid shows it',
    description: 'Verification key of the signed event webhook: base64, as SendGrid shows it.',
    isSecret: true,
  },
  PUBLIC_URL: {
    default: null,
    documentedDefault: 'the URL of the request',
    parse: parsePlainUrl,
    allowed: 'an http or https URL without a query, such as https://leads.example',
    description:
      'URL of this service for its callers when it runs behind a proxy, such as `https://leads.example`. Twilio signs the URL that it calls.',
    isSecret: true,
  },
  QUALIFICATION: {
    default: 'local',
    parse: oneOf(scorers),
    allowed: `one of ${scorers.join(', ')}`,
    description:
      'Scorer of leads: `local` (rules, no network), `openai` (an HTTP endpoint) or `off`. Leads are scored after their interactions.',
  },
  QUALIFICATION_DEBOUNCE_MS: {
    default: '2000',
    parse: parseMilliseconds,
    allowed: 'milliseconds, up to 3600000',
    description: "Milliseconds between a lead's newest interaction and its scoring, up to 3600000.",
  },
  OPENAI_URL: {
    default: 'https://api.openai.com/v1',
    parse: parsePlainUrl,
    allowed: 'an http or https URL without a query, such as https://api.openai.com/v1',
    description: 'With `QUALIFICATION=openai`: base URL of an OpenAI-compatible endpoint, without `/chat/completions`.',
    isSecret: true,
  },
  OPENAI_API_KEY: {
    default: null,
    parse: parseText,
    allowed: 'a string',
    description: 'API key of that endpoint, if it needs one. It is never logged.',
    isSecret: true,
  },
  OPENAI_MODEL: {
    default: null,
    parse: parseText,
    allowed: 'the name of a model',
    description: 'Model that scores leads. Required with `QUALIFICATION=openai`.',
  },
  OPENAI_TIMEOUT_MS: {
    default: '20000',
    parse: parseMilliseconds,
    allowed: 'milliseconds, up to 3600000',
    description: 'Milliseconds that one scoring request may take, up to 3600000.',
  },
} as const satisfies Readonly<Record<string, Setting<unknown>>>;

export type SettingName = keyof typeof settingsTable;
export const settingNames = Object.keys(settingsTable) as readonly SettingName[];

type ValueOf<Definition extends Setting<unknown>> =
  Exclude<ReturnType<Definition['parse']>, undefined> | (Definition['default'] extends null ? null : never);
export type SettingValues = { readonly [Name in SettingName]: ValueOf<(typeof settingsTable)[Name]> };

function parseText(text: string): string | undefined {
  return text;
}

function oneOf<Value extends string>(values: readonly Value[]): (text: string) => Value | undefined {
  return (text) => values.find((value) => value === text);
}

function parsePort(text: string): number | undefined {
  return /^\d{1,5}$/.test(text) && Number(text) <= 65_535 ? Number(text) : undefined;
}

export function parseEventStoreUrl(text: string): string | undefined {
  return /^(sqlite:|(esdb|kurrentdb|kurrent|kdb)(\+discover)?:\/\/)./.test(text) ? text : undefined;
}

function parseReadStoreUrl(text: string): string | undefined {
  return /^(sqlite:.|mongodb(\+srv)?:\/\/[^/?]+\/[^/?]+)/.test(text) ? text : undefined;
}

/** STOP is always included: providers and the law require it. */
function parseKeywords(text: string): readonly string[] | undefined {
  const keywords = text.split(',').map((keyword) => keyword.trim());
  const areValid = keywords.every((keyword) => /[\p{L}\p{N}]/u.test(keyword) && keyword.length <= 100);
  return areValid ? ['stop', ...keywords] : undefined;
}

function parseHours(text: string): number | undefined {
  return /^\d{1,4}$/.test(text) && Number(text) <= 8_760 ? Number(text) : undefined;
}

function parseMilliseconds(text: string): number | undefined {
  return /^\d{1,7}$/.test(text) && Number(text) <= 3_600_000 ? Number(text) : undefined;
}

function onOff(isOn: boolean): string {
  return isOn ? 'on' : 'off';
}

function parseOnOff(text: string): boolean | undefined {
  if (text === 'on') return true;
  return text === 'off' ? false : undefined;
}

/** Null if it is off. */
function parseAutoAssignment(text: string): AutoAssignmentMode | null | undefined {
  return text === 'off' ? null : autoAssignmentModes.find((mode) => mode === text);
}

function parsePublicKey(text: string): KeyObject | undefined {
  try {
    const key = createPublicKey({ key: Buffer.from(text, 'base64'), format: 'der', type: 'spki' });
    return key.asymmetricKeyDetails?.namedCurve === 'prime256v1' ? key : undefined;
  } catch {
    return undefined;
  }
}

/** Removes trailing slashes. */
function parsePlainUrl(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isPlain = url && /^https?:$/.test(url.protocol) && !url.search && !url.hash && !url.username;
  return isPlain ? text.replace(/\/+$/, '') : undefined;
}
