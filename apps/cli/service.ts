import { Trouble } from './trouble.js';

/** What an answer says; `detail`: why not. */
type Body = Readonly<Record<string, unknown>> & { readonly detail?: string };

/** An answer of the service, whether it did what was asked or not. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
}

export interface Request {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly body?: object;
}

/** A running Leadstream, spoken to over HTTP. */
export class Service {
  /** Without a slash at its end. */
  readonly url: string;

  constructor(url: string) {
    if (!/^https?:/.test(url) || !URL.canParse(url)) throw new Trouble(`"${url}" is no address of a service.`);
    this.url = url.replace(/\/+$/, '');
  }

  /** @throws Trouble when there is no answer, or none that this service would give */
  async send({ method, path, body }: Request, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    const response = await fetch(this.url + path, {
      method,
      headers: { ...headers, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    }).catch((cause: unknown) => {
      throw new Trouble(`Nothing answers at ${this.url}. Is the service running? Start it with: npm start`, { cause });
    });
    const text = await response.text().catch(() => '');
    const answer = objectIn(text);
    if (!answer) throw new Trouble(`What answers at ${this.url} is not Leadstream.`);
    const { status, headers: told } = response;
    if (status >= 500) throw new Trouble(`The service can't go on: ${answer.detail ?? `status ${status}`}`);
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
