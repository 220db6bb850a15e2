import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { FormCatalog } from '#app/form-catalog.ts';
import type { Responses, Submission } from '#app/responses.ts';
import { AppError, type ErrorCode } from '#domain/errors.ts';
import type { Log } from '#ports/log.ts';
import type { Metrics } from '#ports/metrics.ts';
import { createCauseLog } from '../cause-log.ts';
import { installFormOrigins } from '../form-origins.ts';
import { problemPage, thankYouPage } from '../form-pages.ts';
import { acceptFormPosts, bodyBytes } from '../media.ts';
import { toAppError } from '../problem.ts';
import { addressKey, type RateLimits } from '../rate-limit.ts';
import { contentOf } from '../schemas/common.ts';
import { formParams } from '../schemas/forms.ts';
import { acceptanceSchema, submissionSchema } from '../schemas/responses.ts';

type Deps = {
  responses: Responses;
  catalog: FormCatalog;
  metrics: Pick<Metrics, 'count'>;
  log: Log;
  /** Largest body of one response; a form may set a smaller one. */
  bodyBytes: number;
  limits: RateLimits;
  /** Posts of one address to all forms, whatever came of them. */
  postsPerMinute: number;
  /** Responses of one address to one form; a form may allow less. */
  perMinute: number;
};

type Fields = Record<string, string | string[]>;
type Post = {
  Params: { id: string };
  Body: { answers: unknown; form_version?: number; metadata?: Record<string, string> } | Fields;
};

const problems: ErrorCode[] = [
  'form-not-found',
  'form-not-published',
  'version-not-found',
  'form-closed',
  'form-archived',
  'answers-invalid',
  'idempotency-key-reused',
  'honeypot-filled',
  'origin-refused',
  'rate-limited',
  'storage-unavailable',
  'disk-nearly-full',
];

/** The door through which responses come in: public, so everything about it is limited. */
export function submissionRoutes(api: FastifyInstance, deps: Deps): void {
  const tellCause = createCauseLog(deps.log);
  api.register((scope, _options, done) => {
    acceptFormPosts(scope);
    const perAddress = { name: 'submissions', max: deps.postsPerMinute, windowMs: 60_000, key: addressKey };
    scope.addHook('onRequest', deps.limits.limitPer(perAddress));
    installFormOrigins(scope, deps.catalog);
    scope.setErrorHandler(refused);

    scope.post<Post>(
      '/forms/:id/responses',
      {
        config: { public: true, ownLimit: true, problems, htmlProblems: true },
        bodyLimit: deps.bodyBytes,
        attachValidation: true,
        schema: {
          tags: ['responses'],
          summary: 'Send a response; answered with 202 once it is durably kept',
          params: formParams,
          headers: {
            type: 'object',
            properties: {
              'idempotency-key': {
                type: 'string',
                description: 'At most 255 characters. The same key with the same body is kept once and answered twice.',
              },
            },
          },
          body: submissionSchema,
          response: {
            202: acceptanceSchema,
            303: {
              description: 'An HTML form post was kept; Location is a plain page that says thank you.',
              type: 'null',
            },
          },
        },
      },
      async (request, reply) => {
        const isForm = isFormPost(request);
        // The schema of the body is that of the JSON one.
        if (request.validationError && !isForm) throw request.validationError;
        return answer(request, reply, isForm);
      },
    );

    scope.get<{ Params: { id: string } }>(
      '/forms/:id/thanks',
      {
        config: { public: true },
        schema: {
          tags: ['responses'],
          summary: 'The plain page after an HTML form post',
          params: formParams,
          response: { 200: contentOf('The page.', 'text/html') },
        },
      },
      async (_request, reply) => thankYouPage(reply),
    );
    done();
  });

  /** Also for what ends a post before its handler runs: its size, its origin, its JSON. A browser that waits for a page gets one. */
  function refused(thrown: unknown, request: FastifyRequest, reply: FastifyReply): void {
    const error = toAppError(thrown, request.routeOptions.bodyLimit);
    if (request.method === 'POST') deps.metrics.count('formstead_responses_refused_total', { reason: error.code });
    if (error.code === 'internal' || !isFormPost(request) || !wantsHtml(request)) throw thrown;
    tellCause(request, error);
    reply.send(problemPage(reply, error, request.id));
  }

  async function answer(request: FastifyRequest<Post>, reply: FastifyReply, isForm: boolean): Promise<unknown> {
    const form = await deps.catalog.form(request.params.id);
    const { limits } = form.settings;
    const max = Math.min(limits?.responses_per_minute ?? deps.perMinute, deps.perMinute);
    await deps.limits.check({ name: 'responses', max, windowMs: 60_000 }, `${form.id}:${addressKey(request)}`);
    refuseTooLarge(request, limits?.max_body_bytes);
    const { body, replayed } = await deps.responses.submit({
      form: form.id,
      body: isForm ? { fields: entriesOf(request.body as Fields) } : (request.body as Submission['body']),
      idempotencyKey: idempotencyKey(request),
    });
    deps.metrics.count('formstead_responses_accepted_total', { replayed: replayed ? 'yes' : 'no' });
    if (replayed) reply.header('idempotency-replayed', 'true');
    if (isForm) return reply.code(303).header('location', `/api/v1/forms/${form.id}/thanks`).send();
    reply.code(202).header('location', `/api/v1/tasks/${body.task_id}`);
    return body;
  }
}

function isFormPost(request: FastifyRequest): boolean {
  return request.headers['content-type']?.toLowerCase().startsWith('application/x-www-form-urlencoded') ?? false;
}

function wantsHtml(request: FastifyRequest): boolean {
  return request.headers.accept?.includes('text/html') ?? false;
}

function entriesOf(fields: Fields): [string, string][] {
  return Object.entries(fields).flatMap(([name, value]): [string, string][] =>
    typeof value === 'string' ? [[name, value]] : value.map((one) => [name, one]),
  );
}

/** Errors: `body-too-large` when the form allows less than the installation does. */
function refuseTooLarge(request: FastifyRequest, most: number | undefined): void {
  if (most !== undefined && bodyBytes(request) > most)
    throw new AppError('body-too-large', { detail: `This form takes at most ${most} bytes.` });
}

/** Printable ASCII, as the header's draft has it; the quotes of a structured string are part of the key. */
function idempotencyKey(request: FastifyRequest): string | undefined {
  const key = request.headers['idempotency-key'];
  if (key === undefined) return undefined;
  if (typeof key === 'string' && /^[\x21-\x7e][\x20-\x7e]{0,254}$/.test(key)) return key;
  throw new AppError('malformed-header', {
    detail: 'Idempotency-Key must be 1 to 255 printable ASCII characters, sent once.',
  });
}
