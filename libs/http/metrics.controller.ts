import { Controller, Get } from '@nestjs/common';
import { Http, type Exchange } from './exchange.js';
import { Metrics } from './metrics.js';
import { Tells } from './openapi.decorators.js';

@Controller()
export class MetricsController {
  constructor(private readonly metrics: Metrics) {}

  /** In the text format of Prometheus. */
  @Get('metrics')
  @Tells('Figures for Prometheus', { 200: ['text/plain'] })
  async show(@Http() { reply }: Exchange): Promise<string> {
    const { type, text } = await this.metrics.told();
    void reply.type(type);
    return text;
  }
}
