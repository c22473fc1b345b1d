import { Controller, Get, Injectable, type INestApplication } from '@nestjs/common';
import { ApiText } from './openapi.decorators.js';
import { createOpenApiDocument } from './openapi.document.js';

/** The API's document, made when it is first asked for. */
@Injectable()
export class ApiDocument {
  private document: object | undefined;
  private app: INestApplication | undefined;

  /** Whose routes it tells. */
  setApp(app: INestApplication): void {
    this.app = app;
  }

  get(): object {
    if (!this.app) throw new Error('No app was named whose document this is.');
    return (this.document ??= createOpenApiDocument(this.app));
  }
}

@Controller()
export class OpenapiController {
  constructor(private readonly document: ApiDocument) {}

  @Get('openapi.json')
  @ApiText('This document', { 200: 'ApiDocument' })
  show(): object {
    return this.document.get();
  }
}
