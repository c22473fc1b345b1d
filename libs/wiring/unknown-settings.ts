import { settingNames } from './settings-table.js';

/** Prefixes that only Leadstream uses: an unknown name is a mistake. */
const exclusive = /^(WHATSAPP_|QUALIFICATION)/;
/** Prefixes and endings that other programs use too, as in TWILIO_ACCOUNT_SID: an unknown name may be theirs. */
const shared = /^(TWILIO_|SENDGRID_|OPENAI_)|_STORE_URL$/;

export interface UnknownSettings {
  /** Names that are certainly misspelled settings, a sentence for each. */
  readonly rejected: readonly string[];
  /** Names that may be misspelled settings, a sentence for each. */
  readonly warnings: readonly string[];
}

/** Finds variables that look like misspelled settings and would be ignored. Empty variables count as not set. */
export function checkSettingNames(env: Readonly<Record<string, string | undefined>>): UnknownSettings {
  const rejected: string[] = [];
  const warnings: string[] = [];
  for (const variable of Object.keys(env)) {
    if (!env[variable]?.trim() || isKnown(variable)) continue;
    const { name, distance } = nearestSetting(variable.toUpperCase());
    const isNear = distance <= (name.length <= 6 ? 1 : 2);
    const sentence = `${variable} is not a setting. Did you mean ${name}?`;
    if (exclusive.test(variable) || (shared.test(variable) && isNear)) rejected.push(sentence);
    else if (shared.test(variable) || isNear) warnings.push(sentence);
  }
  return { rejected, warnings };
}

// The environment of Windows does not distinguish upper and lower case.
const isKnown = (variable: string): boolean =>
  (settingNames as readonly string[]).includes(process.platform === 'win32' ? variable.toUpperCase() : variable);

/** Prefers names that share a prefix: TWILIO_TOKEN is nearer to TWILIO_AUTH_TOKEN than to any other setting. */
function nearestSetting(variable: string): { readonly name: string; readonly distance: number } {
  const [prefix] = variable.split('_');
  const family = settingNames.filter((name) => name.split('_')[0] === prefix);
  const candidates = family.length > 0 ? family : settingNames;
  return candidates
    .map((name) => ({ name, distance: editDistance(variable, name) }))
    .reduce((best, candidate) => (candidate.distance < best.distance ? candidate : best));
}

/** Insertions, deletions, replacements, and swaps of neighbours that turn `a` into `b`. */
export function editDistance(a: string, b: string): number {
  const rows = Array.from({ length: a.length + 1 }, (_, i) => Array.from({ length: b.length + 1 }, (_, j) => i || j));
  for (let i = 1; i <= a.length; i++)
    for (let j = 1; j <= b.length; j++) {
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      rows[i]![j] = Math.min(
        rows[i - 1]![j]! + 1,
        rows[i]![j - 1]! + 1,
        rows[i - 1]![j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1),
        isSwap ? rows[i - 2]![j - 2]! + 1 : Infinity,
      );
    }
  return rows[a.length]![b.length]!;
}
