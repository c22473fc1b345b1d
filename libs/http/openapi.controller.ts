import { Controller, Get, Injectable, type INestApplication } from '@nestjs/common';
import * as json from './json-schema.js';
import { ApiText } from './openapi.decorators.js';
import { createOpenApiDocument } from './openapi.document.js';

/** The OpenAPI document of this process, created on first use. */
@Injectable()
export class ApiDocument {
  private document: object | undefined;
  private app: INestApplication | undefined;

  setApp(app: INestApplication): void {
    this.app = app;
  }

  get(): object {
    if (!this.app) throw new Error('ApiDocument needs setApp first.');
    return (this.document ??= createOpenApiDocument(this.app));
  }
}

const documentRef = json.component('ApiDocument', { type: 'object', description: 'An OpenAPI 3.1 document.' });

@Controller()
export class OpenapiController {
  constructor(private readonly document: ApiDocument) {}

  @Get('openapi.json')
  @ApiText('Get the OpenAPI document', { 200: documentRef })
  show(): object {
    return this.document.get();
  }
}
