import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Controller, Get, Param } from '@nestjs/common';
import { Http, type HttpContext } from './http-context.js';
import { ApiText } from './openapi.decorators.js';
import { Problem } from './problem.js';

/** Everything comes from this process: the page works without a network. */
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

/** The files of swagger-ui-dist that the page needs, and what they are. */
const files: Readonly<Record<string, string>> = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
  'favicon-32x32.png': 'image/png',
};

/** A page to read the API's document and to try it. */
@Controller('docs')
export class DocsController {
  @Get()
  @ApiText('A page to try the API', { 200: ['text/html'] })
  show(@Http() { reply }: HttpContext): string {
    void reply.type('text/html; charset=utf-8');
    return page;
  }

  @Get(':file')
  @ApiText('What that page is made of', { 200: Object.values(files).map(mediaOf) }, ['not_found'])
  async file(@Param('file') name: string, @Http() { reply }: HttpContext): Promise<Buffer> {
    const type = Object.hasOwn(files, name) ? files[name] : undefined;
    if (!type) throw new Problem('not_found', 'The page has no such file.');
    void reply.type(type).header('cache-control', 'public, max-age=3600');
    return readFile(fileURLToPath(import.meta.resolve(`swagger-ui-dist/${name}`)));
  }
}

function mediaOf(type: string): string {
  return type.split(';', 1)[0] ?? type;
}
