import type { FastifyInstance } from 'fastify';
import { isYounger } from '#domain/age.ts';
import type { Clock } from '#ports/clock.ts';
import type { Log } from '#ports/log.ts';
import { guard } from '../auth.ts';

export type HealthCheck = {
  /** Without it the server may not serve: it is not ready. The others only make it `degraded`. */
  essential: boolean;
  run: () => Promise<{ ok: boolean; detail?: unknown }>;
};

export type HealthDeps = {
  /** Each dependency and worker by name. */
  checks: Readonly<Record<string, HealthCheck>>;
  clock: Clock;
  startedAt: number;
};

/** A check that takes longer has failed. Milliseconds. */
const checkTimeoutMs = 2000;
/** Anybody may ask, and a check may cost a durable write: answers are this old at most. Milliseconds. */
const freshMs = 1000;

/** By then a finding that is remembered is out of date, and a process that stops has most likely been followed by another. */
const retryAfterSeconds = 2;

type Finding = { ok: boolean; essential: boolean; ms: number; detail?: unknown };
type Findings = Record<string, Finding>;

/**
 * `/health` says that the process is alive, `/health/ready` that it may serve (503 while it may not), `/health/detailed` how each part does.
 * The first two are found at the root too, where load balancers and container checks look for them; all three under the API.
 */
export function healthRoutes(
  app: FastifyInstance,
  deps: HealthDeps & { shuttingDown: () => boolean; version: string; log: Log },
): void {
  const findings = remembered(() => runAll(deps.checks, deps.log), deps.clock);

  for (const root of ['', '/api/v1']) {
    const hide = root === '';
    app.get(`${root}/health`, { config: probe, schema: { ...aliveSchema, hide } }, () => ({ status: 'ok' }));

    app.get(`${root}/health/ready`, { config: probe, schema: { ...readySchema, hide } }, async (_request, reply) => {
      const failing = deps.shuttingDown() ? [] : failingOf(await findings(), true);
      const status = deps.shuttingDown() ? 'shutting-down' : failing.length > 0 ? 'not-ready' : 'ready';
      if (status !== 'ready') reply.code(503).header('retry-after', String(retryAfterSeconds));
      return { status, failing };
    });
  }

  const config = { ...guard('operations:read'), probe: true };
  app.get('/api/v1/health/detailed', { config, schema: detailedSchema }, async () => {
    const checks = await findings();
    const now = deps.clock.now();
    return {
      status: deps.shuttingDown() ? 'shutting-down' : statusOf(checks),
      version: deps.version,
      node: process.version,
      started_at: new Date(deps.startedAt).toISOString(),
      uptime_seconds: Math.floor((now - deps.startedAt) / 1000),
      checks,
    };
  });
}

function statusOf(checks: Findings): 'ok' | 'degraded' | 'failing' {
  if (failingOf(checks, true).length > 0) return 'failing';
  return failingOf(checks, false).length > 0 ? 'degraded' : 'ok';
}

function failingOf(checks: Findings, essential: boolean): string[] {
  return Object.keys(checks).filter((name) => !checks[name]!.ok && checks[name]!.essential === essential);
}

async function runAll(checks: HealthDeps['checks'], log: Log): Promise<Findings> {
  const found = await Promise.all(
    Object.entries(checks).map(async ([name, check]): Promise<[string, Finding]> => {
      const startedAt = performance.now();
      const { ok, detail } = await withTimeout(check.run).catch((err: unknown) => {
        log.warn({ err, check: name }, 'health check failed');
        return { ok: false, detail: 'the check failed, see the log' };
      });
      return [name, { ok, essential: check.essential, ms: Math.round(performance.now() - startedAt), detail }];
    }),
  );
  return Object.fromEntries(found);
}

async function withTimeout(run: HealthCheck['run']): ReturnType<HealthCheck['run']> {
  const { promise, resolve } = Promise.withResolvers<{ ok: boolean; detail: unknown }>();
  const timer = setTimeout(() => resolve({ ok: false, detail: `no answer in ${checkTimeoutMs} ms` }), checkTimeoutMs);
  try {
    return await Promise.race([run(), promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Callers within `freshMs` share one run. */
function remembered(run: () => Promise<Findings>, clock: Clock): () => Promise<Findings> {
  let last: { at: number; result: Promise<Findings> } | undefined;
  return () => {
    const now = clock.now();
    if (!last || !isYounger(last.at, now, freshMs)) last = { at: now, result: run() };
    return last.result;
  };
}

const probe = { public: true, probe: true } as const;

const aliveSchema = {
  tags: ['operations'],
  summary: 'Alive',
  response: {
    200: { description: 'The process answers.', type: 'object', properties: { status: { const: 'ok' } } },
  },
};

const readyBody = {
  type: 'object',
  properties: {
    status: { enum: ['ready', 'not-ready', 'shutting-down'] },
    failing: { type: 'array', items: { type: 'string' }, description: 'Names of the essential parts that fail.' },
  },
};
const readySchema = {
  tags: ['operations'],
  summary: 'Ready to serve',
  response: {
    200: { description: 'It may serve.', ...readyBody },
    503: {
      description: 'It may not serve now: the findings, not a problem; Retry-After says when to ask again.',
      ...readyBody,
    },
  },
};

const detailedSchema = {
  tags: ['operations'],
  summary: 'Each dependency and worker',
  response: {
    200: {
      description: 'How each part does. A check is at most a second old.',
      type: 'object',
      properties: {
        status: { enum: ['ok', 'degraded', 'failing', 'shutting-down'] },
        version: { type: 'string' },
        node: { type: 'string' },
        started_at: { type: 'string' },
        uptime_seconds: { type: 'integer' },
        checks: {
          type: 'object',
          additionalProperties: {
            type: 'object',
            properties: {
              ok: { type: 'boolean' },
              essential: { type: 'boolean' },
              ms: { type: 'integer' },
              detail: {},
            },
          },
        },
      },
    },
  },
};
