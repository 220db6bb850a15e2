import { createHash } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { docsPage, errorsPage, pagePolicy } from '../docs-page.ts';
import { matchesEtag } from '../etag.ts';
import { openApiDocument } from '../openapi.ts';
import { problemDocsPath } from '../problem.ts';

/** The OpenAPI document and the pages made of it. Each is built once, at its first request, and sent with an ETag. */
export function docsRoutes(app: FastifyInstance): void {
  const once = (build: () => string) => {
    let made: { body: Buffer; etag: string } | undefined;
    return () => {
      if (made === undefined) {
        const body = Buffer.from(build());
        made = { body, etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 27)}"` };
      }
      return made;
    };
  };
  const documents = [
    { path: '/api/v1/openapi.json', type: 'application/json', build: () => JSON.stringify(openApiDocument(app)) },
    { path: '/docs', type: 'text/html; charset=utf-8', build: () => docsPage(openApiDocument(app)) },
    { path: problemDocsPath, type: 'text/html; charset=utf-8', build: () => errorsPage() },
  ];
  for (const { path, type, build } of documents) {
    const get = once(build);
    app.get(path, { config: { public: true }, schema: { hide: true } }, (request, reply) => {
      const { body, etag } = get();
      reply.headers({ etag, 'cache-control': 'no-cache', 'content-type': type });
      if (type.startsWith('text/html')) reply.header('content-security-policy', pagePolicy);
      if (matchesEtag(request.headers['if-none-match'], etag)) return reply.code(304).send();
      return reply.send(body);
    });
  }
}
