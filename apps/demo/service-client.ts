import { OperatorError } from '#wiring/operator-error';

type Body = Readonly<Record<string, unknown>> & { readonly detail?: string };

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

/** Calls a running Leadstream over HTTP. */
export class ServiceClient {
  /** Without a trailing slash. */
  readonly url: string;

  /** @throws OperatorError if it is not an HTTP or HTTPS URL */
  constructor(url: string) {
    if (!/^https?:/.test(url) || !URL.canParse(url))
      throw new OperatorError(`"${url}" is not an http or https URL. Set --url to the address of the service.`, 2);
    this.url = url.replace(/\/+$/, '');
  }

  /** @throws OperatorError if the service cannot be reached or fails, or if the server is not Leadstream */
  async send(
    { method, path, body }: ServiceRequest,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<ServiceResponse> {
    const response = await fetch(this.url + path, {
      method,
      headers: { ...headers, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    }).catch((cause: unknown) => {
      throw new OperatorError(
        `No service responds at ${this.url}. Start it with: npm start. If it listens elsewhere, set PORT or --url.`,
        1,
        { cause },
      );
    });
    const { status } = response;
    const responseBody = parseObject(await response.text().catch(() => ''));
    if (!responseBody) throw new OperatorError(`The server at ${this.url} is not Leadstream. Set PORT or --url.`);
    if (status >= 500)
      throw new OperatorError(`The service failed: ${responseBody.detail ?? `status ${status}`} See its log.`);
    return { status, headers: response.headers, body: responseBody };
  }
}

function parseObject(text: string): Body | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Body) : undefined;
  } catch {
    return undefined;
  }
}
