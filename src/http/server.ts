import { Server as NetServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { Server as TlsServer } from 'node:tls';
import { type FastifyInstance, type FastifyPluginCallback, fastify } from 'fastify';
import type { Log } from '#ports/log.ts';
import type { Metrics } from '#ports/metrics.ts';
import { installAnswerTime } from './answer-time.ts';
import { type AccessRow, type Authenticate, installAuth } from './auth.ts';
import { installBaseline } from './baseline.ts';
import { createCauseLog } from './cause-log.ts';
import { answerClientError } from './client-error.ts';
import { installJsonBodies } from './media.ts';
import { answerUnrouted, installObservation, QuietLog } from './observation.ts';
import { installOpenApi } from './openapi.ts';
import { installProblems, toAppError } from './problem.ts';
import { freshRequestIds, requestIds } from './request-id.ts';
import { docsRoutes } from './routes/docs.ts';
import { type HealthDeps, healthRoutes } from './routes/health.ts';
import { schemaCompilers } from './schema-compilers.ts';
import { secureContext, socketsOf, type TlsIdentity } from './tls.ts';
import { trustedProxies } from './trusted-proxies.ts';
import { installSchemaRules, refusal } from './validation.ts';

/** Where the API lives. `ServerDeps.register` is called with an instance whose paths already begin with it. */
export const apiBase = '/api/v1';

/** Times in milliseconds. */
export type ServerLimits = {
  /** Bytes of a request body; a route may allow more or less by its `bodyLimit`. */
  bodyBytes: number;
  /** Until the header of a request is complete, and before it until TLS is agreed on, each. */
  headersMs: number;
  /** Until the whole request has arrived. */
  requestMs: number;
  /** From the whole request to the header of its answer. What has begun to be sent, a download or an event stream, may take longer. */
  answerMs: number;
  /** A connection on which nothing moves, in either direction. Event streams send a comment more often than that. */
  idleMs: number;
  /** Between two requests of a connection; above the 60 s for which nginx keeps an upstream connection. */
  keepAliveMs: number;
  headerBytes: number;
};

export const defaultLimits: ServerLimits = {
  bodyBytes: 1024 * 1024,
  headersMs: 10_000,
  requestMs: 30_000,
  answerMs: 30_000,
  idleMs: 120_000,
  keepAliveMs: 72_000,
  headerBytes: 16 * 1024,
};

export type ServerDeps = {
  log: Log;
  metrics: Pick<Metrics, 'count' | 'observe'>;
  authenticate: Authenticate;
  health: HealthDeps;
  version: string;
  /** Addresses and CIDR ranges whose `X-Forwarded-For` and `X-Request-Id` count. */
  trustedProxies: readonly string[];
  /** True from the moment the program was asked to stop: new requests get 503 and their connection is closed. */
  shuttingDown: () => boolean;
  limits?: Partial<ServerLimits>;
  /** HTTPS with it, and no plain HTTP. */
  tls?: TlsIdentity | undefined;
  /** The schemas of all routes are compiled before the first request, instead of each at its first use. */
  compileAhead?: boolean;
  /** Adds the routes of the API; paths are relative to `apiBase`. */
  register: (api: FastifyInstance) => void;
  /** Adds routes outside the API (pages); paths are absolute. */
  pages?: (app: FastifyInstance) => void;
};

export type Server = FastifyInstance & {
  /** Who may call what, complete once the server is ready. */
  accessTable: readonly AccessRow[];
  /**
   * Accepts no further connection, and ends those it has with their next answer; another process goes on. Resolves once none is left, or after `ms`: a client may
   * keep an idle one for long.
   */
  drain(ms: number): Promise<void>;
  /** Shows another certificate from the next connection on. Errors: throws when it cannot be used, or there was none; what was there goes on. */
  renew(tls: TlsIdentity): void;
  /** Ends every connection, whatever is under way on it. */
  cutOff(): void;
};

/**
 * The HTTP server: what holds for every request, and the routes given to it. It does not listen yet.
 * Errors: `ready()` and `listen()` reject when a route breaks a rule (no access, an open body schema, with `compileAhead` a schema that does not compile).
 */
export function createServer(deps: ServerDeps): Server {
  const limits = { ...defaultLimits, ...deps.limits };
  const trusts = trustedProxies(deps.trustedProxies);
  const fresh = freshRequestIds();
  let draining = false;
  const http = {
    headersTimeout: limits.headersMs,
    maxHeaderSize: limits.headerBytes,
    // Node looks for late requests every 30 s by default: a slow client could hold a connection for 40.
    connectionsCheckingInterval: Math.min(2000, limits.headersMs),
    // Node would answer a missing Host with an empty 400: it becomes a problem in baseline.ts.
    requireHostHeader: false,
  };
  const app: FastifyInstance = fastify({
    logger: false,
    logController: new QuietLog(deps.log),
    genReqId: requestIds({ trusts, fresh }),
    trustProxy: deps.trustedProxies.length > 0 ? trusts : false,
    bodyLimit: limits.bodyBytes,
    requestTimeout: limits.requestMs,
    connectionTimeout: limits.idleMs,
    keepAliveTimeout: limits.keepAliveMs,
    ...(deps.tls ? { https: { ...http, ...secureContext(deps.tls), handshakeTimeout: limits.headersMs } } : { http }),
    // We answer the problem ourselves, as a problem (baseline.ts).
    return503OnClosing: false,
    routerOptions: { maxParamLength: 200 },
    frameworkErrors: (error, request, reply) => answerUnrouted(deps, toAppError(error), request, reply),
    clientErrorHandler: answerClientError({ log: deps.log, requestId: fresh }),
    schemaErrorFormatter: refusal,
    schemaController: { compilersFactory: schemaCompilers({ ahead: deps.compileAhead === true }) },
  });
  // Node would answer an expectation that it does not know with an empty 417: this one goes the way of every request, and is refused in baseline.ts.
  app.server.on('checkExpectation', (request, response) => app.server.emit('request', request, response));
  const sockets = deps.tls ? socketsOf(app.server) : new Set<never>();
  installProblems(app, deps.log, createCauseLog(deps.log));
  installBaseline(app, { shuttingDown: deps.shuttingDown, draining: () => draining });
  installAnswerTime(app, limits.answerMs);
  installJsonBodies(app);
  installObservation(app, deps);
  const accessTable = installAuth(app, deps.authenticate);
  installSchemaRules(app);
  installOpenApi(app, deps.version);
  // In a scope of their own, so that they are registered after the OpenAPI plugin has begun to listen.
  app.register(
    plugin((scope) => {
      healthRoutes(scope, { ...deps.health, ...deps });
      docsRoutes(scope);
      deps.pages?.(scope);
    }),
  );
  app.register(plugin(deps.register), { prefix: apiBase });
  return Object.assign(app, {
    accessTable,
    async drain(ms: number): Promise<void> {
      draining = true;
      const { promise: closed, resolve } = Promise.withResolvers<void>();
      // The close() of an HTTP server would end idle connections at once, on one of which a request may be under way.
      NetServer.prototype.close.call(app.server, () => resolve());
      await Promise.race([closed, pause(ms, undefined, { ref: false })]);
    },
    renew(tls: TlsIdentity): void {
      (app.server as unknown as TlsServer).setSecureContext(secureContext(tls));
    },
    cutOff(): void {
      app.server.closeAllConnections();
      for (const socket of sockets) socket.destroy();
    },
  });
}

/** A plugin that throws would be waited for until the framework's time-out: this one fails at once. */
function plugin(add: (scope: FastifyInstance) => void): FastifyPluginCallback {
  return (scope, _options, done) => {
    try {
      add(scope);
      done();
    } catch (error) {
      done(error as Error);
    }
  };
}
