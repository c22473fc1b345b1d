import { Controller, Get, Injectable } from '@nestjs/common';
import { Http, type HttpContext } from './http-context.js';
import { ApiText } from './openapi.decorators.js';

/** What one part of the process says of itself: `ready`, and whatever helps to see why not. */
export interface ReadinessCheck {
  readonly ready: boolean;
}

/** Parts of the process register here what /readyz asks. */
@Injectable()
export class Readiness {
  private readonly checks = new Map<string, () => Promise<ReadinessCheck>>();

  add(name: string, check: () => Promise<ReadinessCheck>): void {
    this.checks.set(name, check);
  }

  /** A check that throws is not ready. */
  async checkAll(): Promise<{ readonly ready: boolean; readonly checks: Readonly<Record<string, ReadinessCheck>> }> {
    const told = await Promise.all(
      [...this.checks].map(async ([name, check]) => [name, await check().catch(() => ({ ready: false }))] as const),
    );
    return { ready: told.every(([, { ready }]) => ready), checks: Object.fromEntries(told) };
  }
}

@Controller()
export class HealthController {
  constructor(private readonly readiness: Readiness) {}

  /** The process is alive. */
  @Get('healthz')
  @ApiText('Alive', { 200: 'Health' })
  alive(): object {
    return { status: 'ok' };
  }

  /** Stores can be reached, no view stands still or is too far behind: 200, else 503, and what is not ready. */
  @Get('readyz')
  @ApiText('Ready: stores reachable, no view stopped or too far behind', { 200: 'Readiness', 503: 'Readiness' })
  async ready(@Http() { reply }: HttpContext): Promise<object> {
    const told = await this.readiness.checkAll();
    void reply.code(told.ready ? 200 : 503);
    return told;
  }
}
