import type { Config } from '#config.ts';
import { createPaging } from '#http/paging.ts';
import { createRateLimits, sharedLimitKey } from '#http/rate-limit.ts';
import { analyticsRoutes } from '#http/routes/analytics.ts';
import { auditRoutes } from '#http/routes/audit.ts';
import { authRoutes } from '#http/routes/auth.ts';
import { datasetRoutes } from '#http/routes/datasets.ts';
import { exampleRoutes } from '#http/routes/examples.ts';
import { exportRoutes } from '#http/routes/exports.ts';
import { formRoutes } from '#http/routes/forms.ts';
import { intelligenceRoutes, modelView } from '#http/routes/intelligence.ts';
import { keptResponseRoutes } from '#http/routes/kept-responses.ts';
import { queryRoutes } from '#http/routes/queries.ts';
import { submissionRoutes } from '#http/routes/responses.ts';
import { taskEventRoutes } from '#http/routes/task-events.ts';
import { taskRoutes } from '#http/routes/tasks.ts';
import { tokenRoutes } from '#http/routes/tokens.ts';
import { userRoutes } from '#http/routes/users.ts';
import { webhookRoutes } from '#http/routes/webhooks.ts';
import { createServer, type Server } from '#http/server.ts';
import type { TlsIdentity } from '#http/tls.ts';
import type { Adapters } from './adapters.ts';
import type { UseCases } from './use-cases.ts';

/** The HTTP server with all its routes; it does not listen yet. */
export function createApi(
  adapters: Adapters,
  useCases: UseCases,
  config: Config,
  program: {
    version: string;
    shuttingDown: () => boolean;
    tls?: TlsIdentity | undefined;
    runsModel: boolean;
    compileAhead?: boolean;
  },
): Server {
  const { storage, queue, clock, metrics, log, cache, keyRing, disk } = adapters;
  const { forms, catalog, responses, reviews, tasks, endpoints, delivery, sessions, users, apiTokens } = useCases;
  const paging = createPaging({ keyRing });
  const limits = createRateLimits({ cache, clock, metrics, log, enabled: config.rateLimit });
  return createServer({
    log,
    metrics,
    authenticate: useCases.authenticate,
    version: program.version,
    trustedProxies: config.trustedProxies.map(({ text }) => text),
    shuttingDown: program.shuttingDown,
    tls: program.tls,
    compileAhead: program.compileAhead === true,
    limits: { bodyBytes: config.definitionLimitBytes },
    health: {
      clock,
      startedAt: clock.now(),
      checks: {
        storage: {
          essential: true,
          run: async () => {
            await storage.ping();
            return { ok: true };
          },
        },
        disk: { essential: true, run: async () => diskFinding(await disk.read(), config.diskReserveBytes) },
        queues: {
          essential: false,
          run: async () => ({
            ok: true,
            detail: (await queue.depths()).map(({ queue: name, waiting, paused }) => ({
              queue: name,
              waiting,
              paused,
            })),
          }),
        },
        workers: { essential: false, run: async () => workersFinding(await queue.depths(), adapters.shared) },
        mail: { essential: false, run: () => mailFinding(adapters, useCases) },
        ...(program.runsModel && { model: { essential: false, run: async () => modelFinding(useCases) } }),
      },
    },
    register(api) {
      submissionRoutes(api, {
        responses,
        catalog,
        metrics,
        log,
        bodyBytes: config.responseLimitBytes,
        limits,
        perMinute: config.responsesPerMinute,
        postsPerMinute: config.requestsPerMinute,
      });
      // A hook reaches the scopes that were opened before it too: what has a limit of its own says so at its route.
      const perAddress = { name: 'requests', max: config.requestsPerMinute, windowMs: 60_000, key: sharedLimitKey };
      api.addHook('onRequest', limits.limitPer(perAddress));
      formRoutes(api, { forms, catalog, definitionBytes: config.definitionLimitBytes, paging });
      keptResponseRoutes(api, { reviews, similar: useCases.similar, reindexing: useCases.reindexing, paging });
      exampleRoutes(api, { ...useCases, paging, examplesBytes: config.examplesLimitBytes });
      taskRoutes(api, { tasks, queue, clock, paging });
      taskEventRoutes(api, { tasks, metrics, maxStreams: config.eventStreams, shuttingDown: program.shuttingDown });
      webhookRoutes(api, { endpoints, delivery, paging });
      authRoutes(api, { sessions });
      userRoutes(api, { users, paging });
      tokenRoutes(api, { apiTokens, paging });
      auditRoutes(api, { storage, paging });
      analyticsRoutes(api, useCases);
      queryRoutes(api, useCases);
      intelligenceRoutes(api, { stats: useCases.intelligenceStats, runsModel: program.runsModel });
      exportRoutes(api, { exports: useCases.exports, paging });
      datasetRoutes(api, { datasets: useCases.datasets });
    },
  });
}

/** A language model that fails costs what it would have added: responses are kept and understood without it. */
function modelFinding({ intelligenceStats }: Pick<UseCases, 'intelligenceStats'>) {
  const model = intelligenceStats.model();
  return { ok: model.status !== 'failed' && model.breaker === 'closed', detail: modelView(model, true) };
}

/** By what the tries of all processes have met: this one may have no way to the server at all. Nothing is sent where nothing is set, and that is no fault. */
async function mailFinding({ mailer }: Pick<Adapters, 'mailer'>, { mailDelivery }: Pick<UseCases, 'mailDelivery'>) {
  if (!mailer.configured) return { ok: true, detail: { configured: false } };
  const breaker = await mailDelivery.breaker();
  return { ok: breaker === 'closed', detail: { configured: true, breaker } };
}

function diskFinding({ freeBytes, totalBytes }: { freeBytes: number; totalBytes: number }, reserve: number) {
  return {
    ok: freeBytes >= reserve,
    detail: { free_bytes: freeBytes, total_bytes: totalBytes, reserve_bytes: reserve },
  };
}

/**
 * Alone, a process that only serves (`--no-workers`) is honest about it: what it accepts waits. In the stack others do the work, and how long tasks wait tells
 * whether they do (`GET /queues`).
 */
function workersFinding(queues: Awaited<ReturnType<Adapters['queue']['depths']>>, shared: boolean) {
  return {
    ok: queues.every(({ concurrency, paused }) => (shared || concurrency > 0) && !paused),
    detail: queues.map(({ queue, concurrency, active }) => ({ queue, concurrency, active })),
  };
}
