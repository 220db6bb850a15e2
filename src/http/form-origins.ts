import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { FormCatalog } from '#app/form-catalog.ts';
import { AppError } from '#domain/errors.ts';
import { formParams } from './schemas/forms.ts';

const allowedHeaders = 'content-type, idempotency-key';
const exposedHeaders = 'location, idempotency-replayed, retry-after, x-request-id';

/**
 * CORS, form by form: a page may send responses from the origins that the form's settings list, from everywhere when they list none.
 * No cookie takes part, so no origin gets credentials.
 */
export function installFormOrigins(scope: FastifyInstance, catalog: FormCatalog): void {
  scope.addHook('onRequest', async (request, reply) => {
    const { origin } = request.headers;
    if (origin === undefined || request.method === 'GET') return;
    const allowed = await allowedOrigins(catalog, request);
    if (allowed && !allowed.includes(origin)) {
      throw new AppError('origin-refused', {
        detail: `Add ${origin} to the form's settings.allowed_origins to let its pages send responses.`,
      });
    }
    openTo(reply, allowed ? origin : '*');
  });

  scope.options<{ Params: { id: string } }>(
    '/forms/:id/responses',
    { config: { public: true }, schema: { hide: true, params: formParams } },
    async (_request, reply) => {
      reply.header('access-control-allow-methods', 'POST').header('access-control-allow-headers', allowedHeaders);
      return reply.header('access-control-max-age', '600').code(204).send();
    },
  );
}

/** Undefined: every origin. A form that does not exist is answered by its route, readable from everywhere. */
async function allowedOrigins(catalog: FormCatalog, request: FastifyRequest): Promise<string[] | undefined> {
  try {
    return (await catalog.form((request.params as { id: string }).id)).settings.allowed_origins;
  } catch (err) {
    if (err instanceof AppError && err.code === 'form-not-found') return undefined;
    throw err;
  }
}

function openTo(reply: FastifyReply, origin: string): void {
  reply.header('access-control-allow-origin', origin).header('access-control-expose-headers', exposedHeaders);
  if (origin !== '*') reply.header('vary', 'origin');
}
