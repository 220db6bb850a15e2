import { type DestinationStream, type Logger, pino } from 'pino';
import type { Clock } from '#ports/clock.ts';
import type { Log } from '#ports/log.ts';
import { redact } from './redact.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/**
 * JSON lines on standard output (or on `destination`): `level` as a word, `time` as RFC 3339 in UTC, the fields, `msg`. Lines are written behind the caller's
 * back, so a slow terminal does not hold up a request: 2 to 4 kB at a time, or what there is after 200 ms. What is still in memory is written when the process exits
 * (not when it is killed).
 */
export function createLog(deps: {
  level: LogLevel;
  clock: Clock;
  /** On every line, such as `{ role: 'api' }`. */
  bindings?: Record<string, unknown>;
  destination?: DestinationStream;
}): Log & { flush(): void } {
  const destination =
    deps.destination ??
    // Whole lines, and no more at once than a pipe takes in one piece (PIPE_BUF): several processes may share it.
    pino.destination({ dest: 1, sync: false, minLength: 2048, maxWrite: 4096, periodicFlush: 200 });
  const logger = pino(
    {
      level: deps.level,
      base: deps.bindings ? redact(deps.bindings) : null,
      timestamp: timestamps(deps.clock),
      formatters: { level: (label) => ({ level: label }), log: redact },
      // `redact` has turned errors into plain objects already; pino's own serializer would take those for errors of type Object.
      serializers: { err: (value: unknown) => value },
    },
    destination,
  );
  return Object.assign(asLog(logger), {
    /** Writes out what is still in memory. */
    flush() {
      if ('flushSync' in destination && typeof destination.flushSync === 'function') destination.flushSync();
    },
  });
}

function asLog(logger: Logger): Log {
  return {
    debug: (fields, message) => logger.debug(fields, message),
    info: (fields, message) => logger.info(fields, message),
    warn: (fields, message) => logger.warn(fields, message),
    error: (fields, message) => logger.error(fields, message),
    // pino writes a child's bindings once and does not pass them through `formatters.log`.
    child: (bindings) => asLog(logger.child(redact(bindings))),
  };
}

/** The text of an instant is kept: at load a dozen lines share a millisecond. */
function timestamps(clock: Clock): () => string {
  let at = Number.NaN;
  let text = '';
  return () => {
    const now = clock.now();
    if (now !== at) {
      at = now;
      text = `,"time":"${new Date(now).toISOString()}"`;
    }
    return text;
  };
}
