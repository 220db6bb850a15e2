import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from 'fastify';
import { AppError } from '#domain/errors.ts';
import { pathOf } from './problem.ts';

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const satisfies readonly HTTPMethods[];

/** 404, or 405 with `Allow` when the path is there under another method. */
export function problemForUnknown(app: FastifyInstance, request: FastifyRequest, reply: FastifyReply): AppError {
  const url = pathOf(request);
  const allowed = methods.filter((method) => app.findRoute({ method, url }) !== null);
  if (allowed.length === 0) return new AppError('not-found', { detail: 'There is nothing at this path' });
  reply.header('allow', allowed.join(', '));
  return new AppError('method-not-allowed', { detail: `Use one of: ${allowed.join(', ')}` });
}
