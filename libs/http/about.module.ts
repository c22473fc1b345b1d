import { Global, Module } from '@nestjs/common';
import { DocsController } from './docs.controller.js';
import { HealthController, Readiness } from './health.controller.js';
import { MetricsController } from './metrics.controller.js';
import { ApiDocument, OpenapiController } from './openapi.controller.js';

/** Routes that every process serves: health, metrics and the API documentation. */
@Global()
@Module({
  controllers: [HealthController, MetricsController, OpenapiController, DocsController],
  providers: [Readiness, ApiDocument],
  exports: [Readiness, ApiDocument],
})
export class AboutModule {}
