import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Controller, Get, Param } from '@nestjs/common';
import { Http, type HttpContext } from './http-context.js';
import { ApiText } from './openapi.decorators.js';
import { Problem } from './problem.js';

// Loads everything from this process, so that it works without internet access.
const page = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>Leadstream API</title>
    <link rel="icon" href="/docs/favicon-32x32.png" />
    <link rel="stylesheet" href="/docs/swagger-ui.css" />
  </head>
  <body>
    <div id="page"></div>
    <script src="/docs/swagger-ui-bundle.js"></script>
    <script>
      SwaggerUIBundle({
        url: '/openapi.json',
        dom_id: '#page',
        deepLinking: true,
        docExpansion: 'list',
        defaultModelsExpandDepth: 0,
        displayRequestDuration: true,
        syntaxHighlight: { activated: true },
        tryItOutEnabled: true,
        validatorUrl: null,
      });
    </script>
  </body>
</html>
`;

/** Files of swagger-ui-dist that the page loads, with their content types. */
const files: Readonly<Record<string, string>> = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
  'favicon-32x32.png': 'image/png',
};

/** A page to read the API documentation and to send requests. */
@Controller('docs')
export class DocsController {
  @Get()
  @ApiText('Get the API documentation page', { 200: ['text/html'] })
  show(@Http() { reply }: HttpContext): string {
    void reply.type('text/html; charset=utf-8').header('content-security-policy', "frame-ancestors 'none'");
    return page;
  }

  @Get(':file')
  @ApiText('Get a file of the documentation page', { 200: Object.values(files).map(mediaTypeOf) }, ['not_found'])
  async file(@Param('file') name: string, @Http() { reply }: HttpContext): Promise<Buffer> {
    const contentType = Object.hasOwn(files, name) ? files[name] : undefined;
    if (!contentType) throw new Problem('not_found', 'There is no such file.');
    void reply.type(contentType).header('cache-control', 'public, max-age=3600');
    return readFile(fileURLToPath(import.meta.resolve(`swagger-ui-dist/${name}`)));
  }
}

function mediaTypeOf(contentType: string): string {
  return contentType.split(';', 1)[0] ?? contentType;
}
