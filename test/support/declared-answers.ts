import assert from 'node:assert/strict';
import type { OpenApiDocument, Operation } from '#http/openapi.ts';

export type Answered = { method: string; path: string; status: number; contentType: string | undefined; body: unknown };

/**
 * Fails when an operation answers a status or a content type that the document does not declare for it, and when a problem lacks a member that the
 * schema of problems requires. What the document leaves out (pages, preflights) is not looked at, but for problems.
 */
export function checkDeclared(document: OpenApiDocument, answered: Answered): void {
  const { status, contentType: sent, body } = answered;
  const name = `${answered.method} ${answered.path}: ${status} ${sent}`;
  const type = sent?.split(';')[0];
  if (type === 'application/problem+json') {
    for (const member of document.components!.schemas!.Problem!.required as string[])
      assert.ok((body as Record<string, unknown>)[member], `${name}: a problem without ${member}`);
  }
  const operation = operationAt(document, answered.method, answered.path.split('?')[0]!);
  if (operation === undefined) {
    const known = status === 404 || status === 405 || /^\/(?:docs|health|api\/v1\/openapi\.json$)/.test(answered.path);
    assert.ok(known || answered.method === 'OPTIONS', `${name}: no such operation in the document`);
    return;
  }
  const declared = operation.responses?.[status];
  assert.ok(declared, `${name}: the document declares ${Object.keys(operation.responses ?? {})}`);
  const types = Object.keys(declared.content ?? {});
  assert.ok(type === undefined ? types.length === 0 : types.includes(type), `${name}: the document declares ${types}`);
}

/** Like a router: of the paths that fit, the one with the fewest parameters. */
function operationAt(document: OpenApiDocument, method: string, path: string): Operation | undefined {
  const fitting = Object.keys(document.paths).filter((template) => {
    const [wanted, given] = [template.split('/'), path.split('/')];
    return wanted.length === given.length && wanted.every((part, i) => part.startsWith('{') || part === given[i]);
  });
  const [best] = fitting.toSorted((a, b) => a.split('{').length - b.split('{').length);
  return best === undefined ? undefined : document.paths[best]![method === 'HEAD' ? 'get' : method.toLowerCase()];
}
