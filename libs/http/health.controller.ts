import { Controller, Get, Injectable } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { Http, type HttpContext } from './http-context.js';
import * as json from './json-schema.js';
import { ApiText } from './openapi.decorators.js';

/** The result of one check: `ready`, and details that explain a failure. */
export interface ReadinessCheck {
  readonly ready: boolean;
}

/** Parts of the process register their checks for /readyz here. */
@Injectable()
export class Readiness {
  private readonly checks = new Map<string, () => Promise<ReadinessCheck>>();

  add(name: string, check: () => Promise<ReadinessCheck>): void {
    this.checks.set(name, check);
  }

  /** A check that throws counts as not ready. */
  async checkAll(): Promise<{ readonly ready: boolean; readonly checks: Readonly<Record<string, ReadinessCheck>> }> {
    const results = await Promise.all(
      [...this.checks].map(async ([name, check]) => [name, await check().catch(() => ({ ready: false }))] as const),
    );
    return { ready: results.every(([, { ready }]) => ready), checks: Object.fromEntries(results) };
  }
}

const healthRef = json.component('Health', json.object({ status: json.constant('ok') }));

const readinessRef = json.component(
  'Readiness',
  json.object({
    ready: json.boolean('Whether every check passed.'),
    checks: {
      type: 'object',
      additionalProperties: {
        type: 'object',
        properties: { ready: json.boolean() },
        required: ['ready'],
        description: 'Result of one check, with details about what is not ready.',
      },
    },
  }),
);

@Controller()
export class HealthController {
  constructor(private readonly readiness: Readiness) {}

  @Get('healthz')
  @RouteConfig({ limit: 'none' })
  @ApiText('Check liveness', { 200: healthRef })
  alive(): object {
    return { status: 'ok' };
  }

  @Get('readyz')
  @RouteConfig({ limit: 'none' })
  @ApiText(
    {
      summary: 'Check readiness',
      description:
        'Returns 503 if a store is unreachable, or if a view has stopped or is too far behind the log. The response names the failed check.',
    },
    { 200: readinessRef, 503: readinessRef },
  )
  async ready(@Http() { reply }: HttpContext): Promise<object> {
    const result = await this.readiness.checkAll();
    void reply.code(result.ready ? 200 : 503);
    return result;
  }
}
