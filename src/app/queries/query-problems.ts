import { AppError } from '#domain/errors.ts';
import { QueryError } from '#domain/query-error.ts';

/** What the engine says, as whoever asked is told; anything else as it is. */
export function asAppError(err: unknown): unknown {
  if (!(err instanceof QueryError)) return err;
  const { fault, message } = err;
  switch (fault) {
    case 'query-refused':
    case 'query-failed':
    case 'query-too-slow':
    case 'query-too-large':
      return new AppError(fault, { detail: message, cause: err });
    case 'engine-unavailable':
      return new AppError('engine-unavailable', { detail: message, retryAfterSeconds: 5, cause: err });
    case 'disk-nearly-full':
      return new AppError('disk-nearly-full', {
        detail: `${message} The operator must make room: FORMSTEAD_DISK_RESERVE stays free for responses.`,
        cause: err,
      });
    case 'data-damaged':
      return new AppError('data-damaged', {
        detail: `${message} It is written again from the store: ask again in a while. When that fails, the dead letters say why, and a question an hour later has it tried anew.`,
        retryAfterSeconds: 5,
        cause: err,
      });
  }
}
