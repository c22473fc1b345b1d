import { Controller, Get, Injectable } from '@nestjs/common';
import { Http, type Exchange } from './exchange.js';
import { Tells } from './openapi.decorators.js';

/** What one part of the process says of itself: `ready`, and whatever helps to see why not. */
export interface Check {
  readonly ready: boolean;
}

/** Parts of the process register here what /readyz asks. */
@Injectable()
export class Readiness {
  private readonly checks = new Map<string, () => Promise<Check>>();

  add(name: string, check: () => Promise<Check>): void {
    this.checks.set(name, check);
  }

  /** A check that throws is not ready. */
  async all(): Promise<{ readonly ready: boolean; readonly checks: Readonly<Record<string, Check>> }> {
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
  @Tells('Alive', { 200: 'Health' })
  alive(): object {
    return { status: 'ok' };
  }

  /** Stores can be reached, no view stands still or is too far behind: 200, else 503, and what is not ready. */
  @Get('readyz')
  @Tells('Ready: stores reachable, no view stopped or too far behind', { 200: 'Readiness', 503: 'Readiness' })
  async ready(@Http() { reply }: Exchange): Promise<object> {
    const told = await this.readiness.all();
    void reply.code(told.ready ? 200 : 503);
    return told;
  }
}
