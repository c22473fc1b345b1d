import { CliError } from './cli-error.js';

/** What an answer says; `detail`: why not. */
type Body = Readonly<Record<string, unknown>> & { readonly detail?: string };

/** An answer of the service, whether it did what was asked or not. */
export interface ServiceResponse {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
}

export interface ServiceRequest {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly body?: object;
}

/** A running Leadstream, spoken to over HTTP. */
export class ServiceClient {
  /** Without a slash at its end. */
  readonly url: string;

  constructor(url: string) {
    if (!/^https?:/.test(url) || !URL.canParse(url)) throw new CliError(`"${url}" is no address of a service.`);
    this.url = url.replace(/\/+$/, '');
  }

  /** @throws Trouble when there is no answer, or none that this service would give */
  async send(
    { method, path, body }: ServiceRequest,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<ServiceResponse> {
    const response = await fetch(this.url + path, {
      method,
      headers: { ...headers, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    }).catch((cause: unknown) => {
      throw new CliError(`Nothing answers at ${this.url}. Is the service running? Start it with: npm start`, { cause });
    });
    const text = await response.text().catch(() => '');
    const answer = objectIn(text);
    if (!answer) throw new CliError(`What answers at ${this.url} is not Leadstream.`);
    const { status, headers: told } = response;
    if (status >= 500) throw new CliError(`The service can't go on: ${answer.detail ?? `status ${status}`}`);
    return { status, headers: told, body: answer };
  }
}

function objectIn(text: string): Body | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Body) : undefined;
  } catch {
    return undefined;
  }
}
