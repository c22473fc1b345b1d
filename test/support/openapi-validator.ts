import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import type { ApiResponse } from './app.js';

export type JsonSchema = Readonly<Record<string, unknown>>;

export interface DocumentedParameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly description?: string;
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

/** Validates requests and responses against an OpenAPI document. */
export class OpenApiValidator {
  private readonly ajv = new Ajv2020({ strict: false, allErrors: true, coerceTypes: false });
  private readonly compiled = new Map<JsonSchema, ValidateFunction>();

  constructor(readonly document: OpenApiDocument) {
    (addFormats as unknown as (ajv: Ajv2020) => void)(this.ajv);
  }

  /** All operations as `POST /v1/leads/{id}/status`, sorted. */
  get operationNames(): readonly string[] {
    return Object.entries(this.document.paths)
      .flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`))
      .sort();
  }

  operation(name: string): DocumentedOperation {
    const [method = '', path = ''] = name.split(' ');
    const found = this.document.paths[path]?.[method.toLowerCase()];
    if (!found) throw new Error(`The document has no operation ${name}`);
    return found;
  }

  /**
   * Returns what a $ref refers to. A value without a $ref is returned as it is.
   * @throws Error if there is nothing at the $ref
   */
  resolve<T>(value: T): T {
    const { $ref } = value as { $ref?: string };
    if ($ref === undefined) return value;
    const segments = $ref.replace(/^#\//, '').split('/');
    const found = segments.reduce<unknown>(
      (parent, segment) => (parent as Record<string, unknown> | undefined)?.[segment],
      this.document,
    );
    if (found === undefined) throw new Error(`There is nothing at ${$ref}`);
    return found as T;
  }

  /** Errors of a value. Empty if the value is valid. */
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

  requestBodyErrors(name: string, body: unknown): readonly string[] {
    const { requestBody } = this.operation(name);
    if (!requestBody) return body === undefined ? [] : ['the operation has no body'];
    if (body === undefined) return requestBody.required ? ['the body is missing'] : [];
    return this.schemaErrors(Object.values(requestBody.content)[0]!.schema, body);
  }

  /** Errors of the parameters of one kind, which are given as text. */
  parameterErrors(
    name: string,
    kind: DocumentedParameter['in'],
    given: Readonly<Record<string, string>>,
  ): readonly string[] {
    const known = this.operation(name)
      .parameters.map((parameter) => this.resolve(parameter))
      .filter((parameter) => parameter.in === kind);
    const missing = known
      .filter(({ name: key, required }) => required && !(key in given))
      .map(({ name: key }) => `${key} is missing`);
    const invalid = Object.entries(given).flatMap(([key, text]) => {
      const parameter = known.find(({ name: knownKey }) => knownKey === key);
      if (!parameter) return [`${key} is not documented`];
      const errors = this.schemaErrors(parameter.schema, parseText(text, parameter.schema));
      return errors.map((error) => `${key}: ${error}`);
    });
    return [...missing, ...invalid];
  }

  /** Errors of a response: of its status, content type, body and headers. */
  responseErrors(name: string, response: ApiResponse<unknown>): readonly string[] {
    const documented = this.operation(name).responses[response.status];
    if (!documented) return [`${response.status} is not documented: ${response.text}`];
    const mediaType = response.headers.get('content-type')?.split(';', 1)[0] ?? '';
    const content = documented.content[mediaType];
    if (!content) return [`${mediaType} is not documented`];
    const body = /[/+]json$/.test(mediaType) ? response.body : response.text;
    return [...this.schemaErrors(content.schema, body), ...this.headerErrors(documented, response.headers)];
  }

  private headerErrors({ headers }: DocumentedResponse, sent: Headers): readonly string[] {
    const documented = Object.entries(headers).map(([name, header]) => [name, this.resolve(header)] as const);
    const documentedNames = new Set(documented.map(([name]) => name.toLowerCase()));
    const ours = /^(x-(?!content-type-options|accel-buffering).*|etag|location|retry-after|idempotent-replayed)$/;
    const undocumented = [...sent.keys()].filter((name) => ours.test(name) && !documentedNames.has(name));
    const invalid = documented.flatMap(([name, { required, schema }]) => {
      const value = sent.get(name);
      if (value === null) return required ? [`${name} is missing`] : [];
      return this.schemaErrors(schema, value).map((error) => `${name}: ${error}`);
    });
    return [...undocumented.map((name) => `${name} is not documented`), ...invalid];
  }
}

/** Converts text to the schema's type, if possible. */
function parseText(text: string, { type }: JsonSchema): unknown {
  if (type === 'integer' || type === 'number') return /^-?\d+$/.test(text) ? Number(text) : text;
  if (type === 'boolean') return text === 'true' ? true : text === 'false' ? false : text;
  return type === 'array' ? text.split(',') : text;
}

/** Yields every $ref in a value, at any depth. */
export function* findRefs(value: unknown): Generator<string> {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, child] of Object.entries(value)) {
    if (key === '$ref' && typeof child === 'string') yield child;
    else yield* findRefs(child);
  }
}
