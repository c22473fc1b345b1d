import { resolve } from 'node:path';
import type { AutoAssignmentMode } from '#domain/agent/agent.rotation';
import type { Policy } from '#domain/decider';
import type { ProviderSecrets } from './provider-secrets.js';
import { OperatorError } from './operator-error.js';
import {
  settingNames,
  settingsTable,
  type LogLevel,
  type scorers,
  type Setting,
  type SettingName,
  type SettingValues,
} from './settings-table.js';
import { checkSettingNames } from './unknown-settings.js';

export type Environment = Readonly<Record<string, string | undefined>>;

/** The parsed settings of a process. */
export interface Settings {
  readonly port: number;
  readonly host: string;
  /** Absolute path. */
  readonly dataDir: string;
  readonly eventStoreUrl: string;
  readonly readStoreUrl: string;
  /** Null: generated, and stored in the data folder. */
  readonly idKey: string | null;
  readonly logLevel: LogLevel;
  readonly providers: ProviderSecrets;
  /** For the only organization. */
  readonly policy: Policy;
  /** Null: leads are not assigned automatically. */
  readonly autoAssignment: AutoAssignmentMode | null;
  readonly qualification: QualificationSettings;
}

export interface QualificationSettings {
  readonly scorer: (typeof scorers)[number];
  readonly debounceMs: number;
  /** Used with `openai`. */
  readonly endpoint: {
    readonly url: string;
    readonly key: string | null;
    readonly model: string;
    readonly timeoutMs: number;
  };
}

/** @throws OperatorError with one line for each invalid setting */
export function parseSettings(env: Environment): Settings {
  const { values, problems } = readValues(env);
  problems.push(...combinationProblems(values), ...checkSettingNames(env).rejected);
  if (problems.length > 0 || !isComplete(values)) throw new OperatorError(problems.join('\n'));
  const dataDir = resolve(values.DATA_DIR);
  return {
    port: values.PORT,
    host: values.HOST,
    dataDir,
    eventStoreUrl: values.EVENT_STORE_URL ?? `sqlite:${dataDir}/events.db`,
    readStoreUrl: values.READ_STORE_URL ?? `sqlite:${dataDir}/views`,
    idKey: values.ID_KEY,
    logLevel: values.LOG_LEVEL,
    providers: {
      whatsappAppSecret: values.WHATSAPP_APP_SECRET,
      whatsappVerifyToken: values.WHATSAPP_VERIFY_TOKEN,
      twilioAuthToken: values.TWILIO_AUTH_TOKEN,
      sendgridPublicKey: values.SENDGRID_PUBLIC_KEY,
      publicUrl: values.PUBLIC_URL,
    },
    policy: {
      optOutKeywords: values.OPT_OUT_KEYWORDS,
      attributionWindowHours: values.ATTRIBUTION_WINDOW_HOURS,
      lostNeedsReason: values.LOST_NEEDS_REASON,
      firstMessageMakesContacted: values.FIRST_MESSAGE_MAKES_CONTACTED,
    },
    autoAssignment: values.AUTO_ASSIGNMENT,
    qualification: {
      scorer: values.QUALIFICATION,
      debounceMs: values.QUALIFICATION_DEBOUNCE_MS,
      endpoint: {
        url: values.OPENAI_URL,
        key: values.OPENAI_API_KEY,
        model: values.OPENAI_MODEL ?? '',
        timeoutMs: values.OPENAI_TIMEOUT_MS,
      },
    },
  };
}

/** The valid settings, and a sentence for each invalid one. An empty text counts as not set. */
function readValues(env: Environment): { values: Partial<SettingValues>; problems: string[] } {
  const values: Partial<Record<SettingName, unknown>> = {};
  const problems: string[] = [];
  for (const name of settingNames) {
    const setting: Setting<unknown> = settingsTable[name];
    const text = env[name]?.trim() || setting.default;
    const value = text === null ? null : setting.parse(text);
    if (value !== undefined) values[name] = value;
    else problems.push(`${name} ${setting.isSecret ? '' : `is "${text}" but `}must be ${setting.allowed}.`);
  }
  return { values: values as Partial<SettingValues>, problems };
}

const isComplete = (values: Partial<SettingValues>): values is SettingValues =>
  settingNames.every((name) => values[name] !== undefined);

/** Problems of settings that are valid individually but not together. */
function combinationProblems(values: Partial<SettingValues>): readonly string[] {
  const problems: string[] = [];
  if (values.QUALIFICATION === 'openai' && values.OPENAI_MODEL === null)
    problems.push('OPENAI_MODEL must be set with QUALIFICATION=openai: it names the model that scores leads.');
  if (values.EVENT_STORE_URL && !values.EVENT_STORE_URL.startsWith('sqlite:') && values.ID_KEY === null)
    problems.push('ID_KEY must be set with a log on a server: all processes must derive the same contact keys.');
  return problems;
}
