/**
 * What the HTTP foundation costs: a post of 1 kB that is parsed, validated and answered 202, through bare Fastify and through ours.
 * Compared is the CPU time of a request. Many short slices in turn, of which the cheapest count: other work on the machine only ever adds.
 * node bench/http-overhead.ts [rounds]
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { type FastifyReply, fastify } from 'fastify';
import { createServer } from '#http/server.ts';
import type { Log } from '#ports/log.ts';

/** The parts of autocannon that are used here; it has no types of its own. */
const autocannon = createRequire(import.meta.url)('autocannon') as (options: {
  url: string;
  method: string;
  body: string;
  headers: Record<string, string>;
  connections: number;
  amount: number;
}) => Promise<{ non2xx: number; requests: { total: number } }>;

const kinds = ['bare', 'ours', 'ours+metrics', 'ours+metrics+log'];
const id = '01980f2e-7c1a-7b3e-9d55-0f4c2a6b8e10';
const payload = JSON.stringify({
  answers: Object.fromEntries(
    Array.from({ length: 12 }, (_, i) => [
      `question_${i}`,
      'An answer of some seventy characters, as people write them. '.repeat(1),
    ]),
  ),
  form_version: 1,
});

const schema = {
  body: {
    type: 'object',
    additionalProperties: false,
    required: ['answers'],
    properties: {
      answers: { type: 'object', additionalProperties: { type: ['string', 'number', 'array', 'boolean'] } },
      form_version: { type: 'integer' },
    },
  },
  response: {
    202: {
      description: 'Accepted.',
      type: 'object',
      properties: { response_id: { type: 'string' }, task_id: { type: 'string' }, status: { type: 'string' } },
    },
  },
};

function handler(_request: unknown, reply: FastifyReply): void {
  reply.code(202).send({ response_id: `rsp_${id}`, task_id: `tsk_${id}`, status: 'accepted' });
}

/** All of them in one process, so that they share its heat and its heap. */
async function serve(): Promise<void> {
  const ports: Record<string, number> = {};
  for (const kind of kinds) {
    const app = kind === 'bare' ? bare() : await ours(kind);
    await app.listen({ port: 0, host: '127.0.0.1' });
    ports[kind] = (app.server.address() as AddressInfo).port;
  }
  process.on('disconnect', () => process.exit(0));
  process.on('message', () => process.send?.(process.cpuUsage()));
  process.send?.(ports);
}

function bare() {
  const app = fastify();
  app.post('/api/v1/x', { schema }, handler);
  return app;
}

async function ours(kind: string) {
  const silent: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };
  const clock = { now: () => Date.now() };
  const { createLog } = await import('#adapters/log-pino/log.ts');
  const { createMetrics } = await import('#adapters/metrics-prom/metrics.ts');
  return createServer({
    // Standard output is /dev/null here.
    log: kind.includes('log') ? createLog({ level: 'info', clock }) : silent,
    metrics: kind.includes('metrics') ? createMetrics({ version: '0', log: silent }) : { count() {}, observe() {} },
    authenticate: async () => undefined,
    health: { checks: {}, clock, startedAt: 0 },
    version: '0',
    trustedProxies: [],
    shuttingDown: () => false,
    register: (api) => void api.post('/x', { config: { public: true }, schema }, handler),
  });
}

async function compare(rounds: number): Promise<void> {
  const child = fork(import.meta.filename, ['serve'], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const [ports] = (await once(child, 'message')) as [Record<string, number>];
  const used = async () => {
    child.send('cpu');
    const [{ user, system }] = (await once(child, 'message')) as [NodeJS.CpuUsage];
    return user + system;
  };
  const slice = async (kind: string) => {
    const before = await used();
    const result = await autocannon({
      url: `http://127.0.0.1:${ports[kind]}/api/v1/x`,
      method: 'POST',
      body: payload,
      headers: { 'content-type': 'application/json' },
      connections: 50,
      amount: 5000,
    });
    if (result.non2xx > 0) throw new Error(`${result.non2xx} answers were not 2xx`);
    return ((await used()) - before) / result.requests.total;
  };

  const slices = new Map<string, number[]>(kinds.map((kind) => [kind, []]));
  // The first three rounds warm up.
  for (let round = -3; round < rounds; round += 1) {
    for (const kind of kinds) {
      const cpu = await slice(kind);
      if (round >= 0) slices.get(kind)!.push(cpu);
    }
  }
  child.disconnect();
  const cheapest = (kind: string) => slices.get(kind)!.toSorted((a, b) => a - b)[Math.floor(rounds / 10)]!;
  for (const kind of kinds) {
    const share = (cheapest('bare') / cheapest(kind)).toFixed(2);
    console.log(`${kind.padEnd(18)} ${cheapest(kind).toFixed(1)} µs of CPU a request, ${share} of the rate of bare`);
  }
}

if (process.argv[2] === 'serve') await serve();
else await compare(Number(process.argv[2] ?? 30));
