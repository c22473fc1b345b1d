import { Controller, Get } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { Http, type HttpContext } from './http-context.js';
import { Metrics } from './metrics.js';
import { ApiText } from './openapi.decorators.js';

@Controller()
export class MetricsController {
  constructor(private readonly metrics: Metrics) {}

  @Get('metrics')
  @RouteConfig({ limit: 'none' })
  @ApiText('Get metrics in the Prometheus text format', { 200: ['text/plain'] })
  async show(@Http() { reply }: HttpContext): Promise<string> {
    const { type, text } = await this.metrics.render();
    void reply.type(type);
    return text;
  }
}
