/** The fields of log records that a terminal shows. */
interface LogRecord {
  readonly level: number;
  readonly app?: string;
  readonly msg?: string;
  readonly err?: { readonly message?: string; readonly stack?: string };
  /** Of `listening`. */
  readonly url?: string;
  readonly dataDir?: string;
  /** Of a request. */
  readonly method?: string;
  readonly route?: string | null;
  readonly status?: number;
  readonly ms?: number;
}

/** Pino's numbers. */
const levels = { info: 30, warn: 40, error: 50 };

/**
 * Formats a JSON log line for a person: the address, requests, and problems. Undefined: the line is not shown. Other information
 * is for machines; debug and trace lines appear only if LOG_LEVEL asks for them.
 */
export function formatForTerminal(line: string): string | undefined {
  const record = JSON.parse(line) as LogRecord;
  const { level, method, status, msg = '' } = record;
  if (level >= levels.warn) return formatProblem(record);
  if (msg === 'listening' && record.url !== undefined) return formatAddress(record.url, record);
  if (msg === 'created a new event log') return `Created a new event log in ${record.dataDir}.`;
  if (method !== undefined && status !== undefined)
    return `${method} ${record.route ?? '(unknown path)'} ${status} ${record.ms} ms`;
  return level < levels.info ? msg : undefined;
}

function formatAddress(url: string, { app, dataDir }: LogRecord): string {
  return [
    `Leadstream is running at ${url} with its data in ${dataDir}`,
    `API documentation: ${url}/docs`,
    ...(app === 'all-in-one' ? ['To load sample data, run in another terminal: npm run demo'] : []),
  ].join('\n');
}

/** An error may be a bug, which its stack trace helps to find. */
function formatProblem({ level, msg = '', err }: LogRecord): string {
  const label = level >= levels.error ? 'error' : 'warning';
  const reason = err?.message ? `: ${err.message}` : '';
  const text = `${label}: ${msg}${reason}`;
  return level >= levels.error && err?.stack ? `${text}\n${err.stack}` : text;
}
