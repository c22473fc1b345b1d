import { Global, Module } from '@nestjs/common';
import { HealthController, Readiness } from './health.controller.js';

@Global()
@Module({ controllers: [HealthController], providers: [Readiness], exports: [Readiness] })
export class HealthModule {}
