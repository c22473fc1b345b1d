import { OperatorError } from './operator-error.js';
import { settingNames, settingsTable, type Setting, type SettingName } from './settings-table.js';

/**
 * Handles the command line of a service, which takes no arguments but `--help`.
 * @returns the usage text if help was requested
 * @throws OperatorError for any other argument
 */
export function readArguments(app: string, args: readonly string[]): string | undefined {
  if (args.length === 0) return undefined;
  if (args.some((argument) => argument === '--help' || argument === '-h')) return usage(app);
  const [argument = ''] = args;
  const setting = settingOf(argument);
  const advice = setting ? `Set ${setting} in the environment instead.` : 'Settings come from the environment.';
  throw new OperatorError(`Unknown argument ${argument}. ${advice} --help lists them.`, 2);
}

/** "--data-dir=x" → "DATA_DIR" */
function settingOf(argument: string): SettingName | undefined {
  const name = argument.replace(/^-+/, '').replace(/=.*$/s, '').replaceAll('-', '_').toUpperCase();
  return settingNames.find((known) => known === name);
}

function usage(app: string): string {
  const width = Math.max(...settingNames.map((name) => name.length));
  return [
    app === 'all-in-one' ? 'Usage: npm start' : `Usage: npm start ${app}`,
    '',
    'Settings come from the environment. See docs/reference/configuration.md for what they mean:',
    '',
    ...settingNames.map((name) => `  ${name.padEnd(width)}  ${defaultOf(settingsTable[name])}`.trimEnd()),
  ].join('\n');
}

const defaultOf = (setting: Setting<unknown>): string =>
  (setting.default ?? setting.documentedDefault ?? '').replaceAll('`', '');
