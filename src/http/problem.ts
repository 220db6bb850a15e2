import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { AppError, type ErrorCode, errorTable, type Issue } from '#domain/errors.ts';
import type { Log } from '#ports/log.ts';
import type { CauseLog } from './cause-log.ts';

export const problemType = 'application/problem+json';
/** Where each code is explained: `type` of a problem is this, `#` and the code. */
export const problemDocsPath = '/docs/errors';

/** An RFC 9457 problem. `errors` holds at most `maxIssues`. */
export type Problem = {
  type: string;
  title: string;
  status: number;
  detail: string;
  instance: string;
  code: ErrorCode;
  request_id: string;
  errors?: Issue[];
};

/** A body of a megabyte can be wrong in a hundred thousand places; nobody reads more than these. */
const maxIssues = 50;

export function problemOf(error: AppError, at: { path: string; requestId: string }): Problem {
  return {
    type: `${problemDocsPath}#${error.code}`,
    title: errorTable[error.code].title,
    status: error.status,
    detail: error.detail,
    instance: at.path,
    code: error.code,
    request_id: at.requestId,
    errors: error.issues?.slice(0, maxIssues),
  };
}

/**
 * What the framework finds wrong before our code runs, as an error of our table. Everything else that is not an `AppError` is `internal`:
 * a `statusCode` on a foreign error decides nothing.
 */
const frameworkCodes: Record<string, { code: ErrorCode; detail?: string }> = {
  FST_ERR_CTP_BODY_TOO_LARGE: { code: 'body-too-large' },
  FST_ERR_CTP_INVALID_MEDIA_TYPE: { code: 'unsupported-media-type' },
  FST_ERR_CTP_EMPTY_TYPE: { code: 'unsupported-media-type' },
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: {
    code: 'malformed-body',
    detail: 'The body is not as long as its Content-Length says',
  },
  FST_ERR_BAD_URL: { code: 'not-found', detail: 'The path holds a broken percent escape' },
  FST_ERR_MAX_PARAM_LENGTH: { code: 'not-found', detail: 'A part of the path is longer than any id' },
  ECONNRESET: { code: 'malformed-body', detail: 'The connection ended before the body did' },
};

/** `bodyLimit`: how many bytes the route takes, where one was met. */
export function toAppError(error: unknown, bodyLimit?: number): AppError {
  if (error instanceof AppError) return error;
  const known = error instanceof Error ? frameworkCodes[(error as Partial<FastifyError>).code ?? ''] : undefined;
  if (known === undefined) return new AppError('internal', { cause: error });
  const tooLarge = known.code === 'body-too-large' && bodyLimit !== undefined;
  const detail = tooLarge ? `Send at most ${bodyLimit} bytes.` : known.detail;
  return new AppError(known.code, { detail, cause: error });
}

const codeKey = Symbol('problem code');
type WithCode = FastifyReply & { [codeKey]?: ErrorCode };

/** The code of the problem that was answered, if one was. */
export function answeredCode(reply: FastifyReply): ErrorCode | undefined {
  return (reply as WithCode)[codeKey];
}

export function sendProblem(request: FastifyRequest, reply: FastifyReply, error: AppError): void {
  (reply as WithCode)[codeKey] = error.code;
  if (error.retryAfterSeconds !== undefined) reply.header('retry-after', String(error.retryAfterSeconds));
  if (error.status === 401 && !reply.hasHeader('www-authenticate')) reply.header('www-authenticate', 'Bearer');
  if (error.status >= 400) {
    reply.header('cache-control', 'no-store');
    // Of what would have been answered: sent back with the next question, the tag would be told to be right still.
    for (const name of ['etag', 'content-disposition']) reply.removeHeader(name);
  }
  const problem = problemOf(error, { path: pathOf(request), requestId: request.id });
  // As bytes: the framework would add a charset, which application/problem+json does not have.
  reply
    .code(error.status)
    .type(problemType)
    .send(Buffer.from(JSON.stringify(problem)));
}

/** Every error becomes a problem; what nobody foresaw is logged here, once, and says nothing of itself to the client; neither does the cause of a 503. */
export function installProblems(app: FastifyInstance, log: Log, tellCause: CauseLog): void {
  app.setErrorHandler((error, request, reply) => {
    const known = toAppError(error, request.routeOptions.bodyLimit);
    if (known.code === 'internal') {
      const { method } = request;
      log.error(
        { err: known.cause ?? error, requestId: request.id, method, route: request.routeOptions.url },
        'request failed',
      );
      sendProblem(request, reply, new AppError('internal'));
      return;
    }
    tellCause(request, known);
    sendProblem(request, reply, known);
  });
}

/** The path of the request without its query, which may hold what people wrote. */
export function pathOf(request: FastifyRequest): string {
  const { url } = request;
  const end = url.indexOf('?');
  return end === -1 ? url : url.slice(0, end);
}
