import type { FastifyRequest } from 'fastify';
import type { AppError } from '#domain/errors.ts';
import type { Log } from '#ports/log.ts';

/** Milliseconds between two lines about the same cause: while a disk is full every request is refused. */
const quietMs = 10_000;
const mostCauses = 4;

/**
 * What tells the log why a request is answered with 503, where its error has a cause: for each kind of cause one line in ten seconds, and in the next how many requests
 * had none (`unlogged`).
 */
export function createCauseLog(log: Pick<Log, 'warn'>, now: () => number = () => performance.now()) {
  const told = new Map<string, { at: number; unlogged: number }>();
  return ({ id: requestId, method, routeOptions }: FastifyRequest, error: AppError): void => {
    if (error.status !== 503) return;
    const causes = causesOf(error);
    if (causes.length === 0) return;
    const { code } = error;
    const kind = [code, ...causes.map(kindOf)].join();
    const last = told.get(kind);
    if (last !== undefined && now() - last.at < quietMs) {
      last.unlogged += 1;
      return;
    }
    told.set(kind, { at: now(), unlogged: 0 });
    const fields = { code, causes: causes.map(wordsOf), unlogged: last?.unlogged ?? 0 };
    log.warn({ ...fields, requestId, method, route: routeOptions.url }, 'request refused with 503');
  };
}
export type CauseLog = ReturnType<typeof createCauseLog>;

type Cause = Error & { code?: unknown };

function causesOf({ cause }: AppError): Cause[] {
  const causes: Cause[] = [];
  for (let next = cause; next instanceof Error && causes.length < mostCauses; next = next.cause) causes.push(next);
  return causes;
}

function kindOf({ name, code }: Cause): string {
  return typeof code === 'string' || typeof code === 'number' ? `${name} ${code}` : name;
}

/**
 * Not the error with its fields, in which a driver keeps the documents that it was to write. The message of a database server, whose codes are numbers, may quote a
 * value of them: its code is enough.
 */
function wordsOf(cause: Cause): string {
  return typeof cause.code === 'number' ? kindOf(cause) : `${kindOf(cause)}: ${cause.message.slice(0, 300)}`;
}
