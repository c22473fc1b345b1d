import { describe, expect, it, test } from '@jest/globals';
import { generateKeyPairSync } from 'node:crypto';
import { resolve } from 'node:path';
import { OperatorError } from './operator-error.js';
import { parseSettings, type Environment } from './settings.js';
import { settingNames, settingsTable, type Setting, type SettingName } from './settings-table.js';
import { checkSettingNames } from './unknown-settings.js';

/** The error message for an environment that must be rejected. */
function rejection(env: Environment): string {
  try {
    parseSettings(env);
  } catch (error) {
    expect(error).toBeInstanceOf(OperatorError);
    return (error as OperatorError).message;
  }
  throw new Error(`The environment ${JSON.stringify(env)} was accepted.`);
}

describe('parseSettings', () => {
  it('parseSettings returns the defaults of the table for an empty environment', () => {
    expect(parseSettings({})).toMatchObject({
      port: 3000,
      host: '127.0.0.1',
      dataDir: resolve('data'),
      eventStoreUrl: `sqlite:${resolve('data')}/events.db`,
      readStoreUrl: `sqlite:${resolve('data')}/views`,
      idKey: null,
      logLevel: 'info',
      providers: { whatsappAppSecret: null, sendgridPublicKey: null, publicUrl: null },
      autoAssignment: null,
      qualification: { scorer: 'local', debounceMs: 2_000, endpoint: { key: null, model: '', timeoutMs: 20_000 } },
    });
  });

  it('parseSettings treats an empty value as not set', () => {
    const env = Object.fromEntries(settingNames.map((name) => [name, ' ']));
    expect(parseSettings(env)).toEqual(parseSettings({}));
  });

  it('parseSettings always includes STOP in the opt-out keywords', () => {
    expect(parseSettings({ OPT_OUT_KEYWORDS: 'baja, fin' }).policy.optOutKeywords).toEqual(['stop', 'baja', 'fin']);
  });

  it('parseSettings accepts a P-256 public key as SendGrid displays it', () => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
    const text = publicKey.export({ format: 'der', type: 'spki' }).toString('base64');
    expect(parseSettings({ SENDGRID_PUBLIC_KEY: text }).providers.sendgridPublicKey?.asymmetricKeyType).toBe('ec');
  });

  const invalid: Readonly<Partial<Record<SettingName, readonly string[]>>> = {
    PORT: ['many', '-1', '65536', '1.5'],
    HOST: ['0.0.0.0', '::', '10.0.0.1', 'leads.example', 'a b'],
    EVENT_STORE_URL: ['redis://x', 'sqlite:', 'esdb://', 'events.db'],
    READ_STORE_URL: ['views', 'sqlite:', 'mongodb://localhost:27017', 'mongodb://localhost:27017/?tls=true'],
    ID_KEY: ['short'],
    LOG_LEVEL: ['loud'],
    OPT_OUT_KEYWORDS: ['stop,!', 'x'.repeat(101)],
    ATTRIBUTION_WINDOW_HOURS: ['-1', '8761', '1.5'],
    LOST_NEEDS_REASON: ['maybe'],
    FIRST_MESSAGE_MAKES_CONTACTED: ['1'],
    AUTO_ASSIGNMENT: ['random'],
    SENDGRID_PUBLIC_KEY: ['no key'],
    PUBLIC_URL: ['leads.example', 'https://leads.example?x=1', 'https://user@leads.example'],
    QUALIFICATION: ['magic'],
    QUALIFICATION_DEBOUNCE_MS: ['3600001', '-5'],
    OPENAI_URL: ['api.openai.com'],
    OPENAI_TIMEOUT_MS: ['soon'],
  };
  test.each(
    Object.entries(invalid).flatMap(([name, texts]) => texts.map((text) => [name as SettingName, text] as const)),
  )('parseSettings rejects %s=%s in one sentence that says what is allowed', (name, text) => {
    const setting: Setting<unknown> = settingsTable[name];
    const subject = setting.isSecret ? name : `${name} is "${text}" but`;
    expect(rejection({ [name]: text })).toBe(`${subject} must be ${setting.allowed}.`);
  });

  it('parseSettings repeats no value that may contain a secret', () => {
    const env = {
      EVENT_STORE_URL: 'tcp://admin:changeit@host',
      ID_KEY: 'secret',
      PUBLIC_URL: 'ftp://admin:changeit@x',
    };
    expect(rejection(env)).not.toMatch(/changeit|secret/);
    expect(rejection(env).split('\n')).toHaveLength(3);
  });

  it('parseSettings reports all invalid settings at once, including those that require another one', () => {
    const lines = rejection({ PORT: 'x', EVENT_STORE_URL: 'esdb://host:2113', QUALIFICATION: 'openai' }).split('\n');
    expect(lines.map((line) => line.split(' ')[0])).toEqual(['PORT', 'OPENAI_MODEL', 'ID_KEY']);
  });

  it.each(['kurrentdb://host', 'kurrentdb+discover://host', 'kurrent://host', 'kdb://host'])(
    'treats %s as an EventStoreDB, which needs ID_KEY',
    (EVENT_STORE_URL) => {
      expect(rejection({ EVENT_STORE_URL })).toMatch(/^ID_KEY must be set/);
      const { eventStoreUrl } = parseSettings({ EVENT_STORE_URL, ID_KEY: 'a secret of sixteen' });
      expect(eventStoreUrl).toBe(EVENT_STORE_URL);
    },
  );

  it('parseSettings suggests the setting most similar to a misspelled variable', () => {
    expect(rejection({ WHATSAPP_SECRET: 'x' })).toBe(
      'WHATSAPP_SECRET is not a setting. Did you mean WHATSAPP_APP_SECRET?',
    );
  });
});

describe('checkSettingNames', () => {
  test.each([
    ['WHATSAPP_TOKEN', 'WHATSAPP_VERIFY_TOKEN'],
    ['QUALIFICATION_DELAY_MS', 'QUALIFICATION_DEBOUNCE_MS'],
    ['QUALIFICATIONS', 'QUALIFICATION'],
    ['EVENTS_STORE_URL', 'EVENT_STORE_URL'],
    ['TWILIO_AUTHTOKEN', 'TWILIO_AUTH_TOKEN'],
    ['OPENAI_MODLE', 'OPENAI_MODEL'],
  ])('checkSettingNames rejects %s and suggests %s', (name, known) => {
    const sentence = `${name} is not a setting. Did you mean ${known}?`;
    expect(checkSettingNames({ [name]: 'x' })).toEqual({ rejected: [sentence], warnings: [] });
  });

  test.each([
    ['PROT', 'PORT'],
    ['port', 'PORT'],
    ['LOG_LEVLE', 'LOG_LEVEL'],
    ['TWILIO_ACCOUNT_SID', 'TWILIO_AUTH_TOKEN'],
    ['OPENAI_BASE_URL', 'OPENAI_URL'],
  ])('checkSettingNames warns of %s, which may belong to another program, and suggests %s', (name, known) => {
    const sentence = `${name} is not a setting. Did you mean ${known}?`;
    expect(checkSettingNames({ [name]: 'x' })).toEqual({ rejected: [], warnings: [sentence] });
  });

  test.each([
    'PATH',
    'HOME',
    'PWD',
    'HOSTNAME',
    'LANG',
    'SHELL',
    'NODE_ENV',
    'npm_config_cache',
    'BASE_URL',
    'TEST_ESDB_URL',
  ])('checkSettingNames ignores %s', (name) => {
    expect(checkSettingNames({ [name]: 'x' })).toEqual({ rejected: [], warnings: [] });
  });

  it('checkSettingNames accepts every setting, and ignores unknown variables that are empty', () => {
    const env = Object.fromEntries(
      [...settingNames, 'WHATSAPP_SECRET'].map((name) => [name, name === 'WHATSAPP_SECRET' ? '' : 'x']),
    );
    expect(checkSettingNames(env)).toEqual({ rejected: [], warnings: [] });
  });
});
