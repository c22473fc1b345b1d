import { Global, Module } from '@nestjs/common';
import { DocsController } from './docs.controller.js';
import { HealthController, Readiness } from './health.controller.js';
import { MetricsController } from './metrics.controller.js';
import { ApiDocument, OpenapiController } from './openapi.controller.js';

/** What every process tells of itself: alive, ready, its figures, its API. */
@Global()
@Module({
  controllers: [HealthController, MetricsController, OpenapiController, DocsController],
  providers: [Readiness, ApiDocument],
  exports: [Readiness, ApiDocument],
})
export class AboutModule {}
