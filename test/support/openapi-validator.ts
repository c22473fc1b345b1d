import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import type { ApiResponse } from './app.js';

export type JsonSchema = Readonly<Record<string, unknown>>;

export interface DocumentedParameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required?: boolean;
  readonly schema: JsonSchema;
}

export interface DocumentedResponse {
  readonly description: string;
  readonly headers: Readonly<Record<string, { readonly required?: boolean; readonly schema: JsonSchema }>>;
  readonly content: Readonly<Record<string, { readonly schema: JsonSchema }>>;
}

export interface DocumentedOperation {
  readonly operationId: string;
  readonly summary: string;
  readonly parameters: readonly DocumentedParameter[];
  readonly requestBody?: { readonly required: boolean; readonly content: DocumentedResponse['content'] };
  readonly responses: Readonly<Record<string, DocumentedResponse>>;
}

export interface OpenApiDocument {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, DocumentedOperation>>>>;
  readonly components: Readonly<Record<string, Readonly<Record<string, JsonSchema>>>>;
}

/** An OpenAPI document to measure requests and answers by. */
export class OpenApiValidator {
  private readonly ajv = new Ajv2020({ strict: false, allErrors: true, coerceTypes: false });
  private readonly compiled = new Map<JsonSchema, ValidateFunction>();

  constructor(readonly document: OpenApiDocument) {
    (addFormats as unknown as (ajv: Ajv2020) => void)(this.ajv);
  }

  /** `POST /v1/leads/{id}/status` and the others, sorted. */
  get operationNames(): readonly string[] {
    return Object.entries(this.document.paths)
      .flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`))
      .sort();
  }

  operation(name: string): DocumentedOperation {
    const [method = '', path = ''] = name.split(' ');
    const found = this.document.paths[path]?.[method.toLowerCase()];
    if (!found) throw new Error(`The document has no ${name}`);
    return found;
  }

  /** What a $ref means; what is none means itself. @throws when it leads nowhere */
  resolve<T>(it: T): T {
    const { $ref } = it as { $ref?: string };
    if ($ref === undefined) return it;
    const steps = $ref.replace(/^#\//, '').split('/');
    const found = steps.reduce<unknown>(
      (at, step) => (at as Record<string, unknown> | undefined)?.[step],
      this.document,
    );
    if (found === undefined) throw new Error(`${$ref} leads nowhere`);
    return found as T;
  }

  /** What is wrong with a value; nothing, if it is as the schema says. */
  schemaErrors(schema: JsonSchema, value: unknown): readonly string[] {
    const check = this.compiled.get(schema) ?? this.ajv.compile({ ...schema, components: this.document.components });
    this.compiled.set(schema, check);
    if (check(value)) return [];
    return (check.errors ?? []).map(
      ({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`,
    );
  }

  isValidSchema(schema: JsonSchema): boolean {
    return this.ajv.validateSchema(schema) === true;
  }

  /** What is wrong with a request's body. */
  requestBodyErrors(name: string, body: unknown): readonly string[] {
    const { requestBody } = this.operation(name);
    if (!requestBody) return body === undefined ? [] : ['there should be no body'];
    if (body === undefined) return requestBody.required ? ['the body is missing'] : [];
    return this.schemaErrors(Object.values(requestBody.content)[0]!.schema, body);
  }

  /** What is wrong with the parameters of one kind. Those of a query are text, as in a URL. */
  parameterErrors(
    name: string,
    kind: DocumentedParameter['in'],
    given: Readonly<Record<string, string>>,
  ): readonly string[] {
    const known = this.operation(name)
      .parameters.map((it) => this.resolve(it))
      .filter((it) => it.in === kind);
    const missing = known.filter((it) => it.required && !(it.name in given)).map((it) => `${it.name} is missing`);
    const wrong = Object.entries(given).flatMap(([key, text]) => {
      const parameter = known.find((it) => it.name === key);
      if (!parameter) return [`${key} is not known`];
      return this.schemaErrors(parameter.schema, read(text, parameter.schema)).map((it) => `${key}: ${it}`);
    });
    return [...missing, ...wrong];
  }

  /** What is wrong with an answer: its status, its type, its body, its headers. */
  responseErrors(name: string, answer: ApiResponse<unknown>): readonly string[] {
    const response = this.operation(name).responses[answer.status];
    if (!response) return [`${answer.status} is not documented: ${answer.text}`];
    const type = answer.headers.get('content-type')?.split(';', 1)[0] ?? '';
    const content = response.content[type];
    if (!content) return [`${type} is not documented`];
    const body = /[/+]json$/.test(type) ? answer.body : answer.text;
    return [...this.schemaErrors(content.schema, body), ...this.wrongHeaders(response, answer.headers)];
  }

  private wrongHeaders({ headers }: DocumentedResponse, sent: Headers): readonly string[] {
    const known = Object.entries(headers).map(([name, header]) => [name, this.resolve(header)] as const);
    const ours = /^(x-(?!content-type-options|accel-buffering).*|etag|location|retry-after|idempotent-replayed)$/;
    const unknown = [...sent.keys()].filter(
      (name) => ours.test(name) && !known.some(([it]) => it.toLowerCase() === name),
    );
    const wrong = known.flatMap(([name, { required, schema }]) => {
      const value = sent.get(name);
      if (value === null) return required ? [`${name} is missing`] : [];
      return this.schemaErrors(schema, value).map((it) => `${name}: ${it}`);
    });
    return [...unknown.map((name) => `${name} is not documented`), ...wrong];
  }
}

/** Text as a value of the schema's type, if it can be read as one. */
function read(text: string, { type }: JsonSchema): unknown {
  if (type === 'integer' || type === 'number') return /^-?\d+$/.test(text) ? Number(text) : text;
  if (type === 'boolean') return text === 'true' ? true : text === 'false' ? false : text;
  return type === 'array' ? text.split(',') : text;
}

/** Every $ref in it, however deep. */
export function* findRefs(it: unknown): Generator<string> {
  if (typeof it !== 'object' || it === null) return;
  for (const [key, value] of Object.entries(it)) {
    if (key === '$ref' && typeof value === 'string') yield value;
    else yield* findRefs(value);
  }
}
