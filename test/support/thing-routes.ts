import type { FastifyInstance } from 'fastify';
import { AppError } from '#domain/errors.ts';
import { guard } from '#http/auth.ts';
import { idParams, pageQuery } from '#http/schemas/common.ts';

const thing = {
  type: 'object',
  additionalProperties: false,
  required: ['name'],
  properties: {
    name: { type: 'string', maxLength: 10 },
    size: { type: 'integer' },
    tags: { type: 'array', items: { type: 'string' } },
  },
};

/** Routes that echo what arrived, and fail in every way. */
export function things(api: FastifyInstance): void {
  api.post('/things', { config: { public: true }, schema: { body: thing } }, async (request, reply) =>
    reply.code(202).send(request.body),
  );
  api.post('/anything', { config: { public: true }, schema: { body: {} } }, async (request) => ({
    body: request.body,
  }));
  api.post('/things/empty', { config: { public: true } }, async (request) => ({ body: request.body ?? null }));
  api.get(
    '/things',
    { config: { public: true }, schema: { querystring: { type: 'object', properties: pageQuery } } },
    async (request) => request.query,
  );
  api.get(
    '/things/:id',
    { config: { public: true }, schema: { params: idParams('frm') } },
    async (request) => request.params,
  );
  api.put('/things/:id', { config: guard('forms:write') }, async (request) => request.actor);
  api.get('/mine', { config: guard('signed-in') }, async (request) => request.actor);
  api.get('/maybe', { config: { public: true, recogniseActor: true } }, async (request) => request.actor);
  api.get('/open', { config: { public: true } }, async (request) => request.actor);
  api.get('/boom', { config: { public: true } }, async () => {
    throw Object.assign(new Error('password=hunter2'), { statusCode: 418, status: 418, code: 'ESECRET' });
  });
  api.get('/full', { config: { public: true } }, async () => {
    throw new AppError('storage-unavailable', { retryAfterSeconds: 7, detail: 'later', cause: new Error('ENOSPC') });
  });
}

/** A route, `/slow`, whose answer waits until the test lets it go. */
export function slowThing() {
  const begun = Promise.withResolvers<void>();
  const letGo = Promise.withResolvers<void>();
  return {
    /** Resolves when the request has reached its handler. */
    begun: begun.promise,
    letGo: letGo.resolve,
    routes(api: FastifyInstance): void {
      things(api);
      api.get('/slow', { config: { public: true } }, async () => {
        begun.resolve();
        await letGo.promise;
        return { slow: true };
      });
    },
  };
}
