/**
 * The whole stack on this machine, from docker-compose.yml itself: acceptances a second through nginx over TLS, and tasks of the queue `high-priority` a minute,
 * each beside bare parts in the same containers' limits, in turns, since the machine's speed drifts. A ratio is the median of the rounds' ratios.
 *
 * - bare, same group commit: nginx to node:http that inserts the same bytes into the same database with the same write concern, and shares each write among
 *   what came in while the one before was under way. The ratio of the target: it is the faster of the two, and what differs is Formstead's doing.
 * - bare, one insert each: the same with one insert for each response, as such a server is written at first.
 * - bare BullMQ: stack/tasks.ts.
 *
 * Formstead answers when what follows from a response is in its place, and empties the response's outbox behind the answer; the next side begins when that is done.
 * No worker runs while acceptances are compared: API and bare servers commit the tasks, and nobody works on them. At the end once more with all workers.
 * The database is killed after the load: whatever was answered with 202, by any side, must be there when it is back. The machine also makes the load.
 * Usage: node bench/stack.ts [--rounds 5] [--seconds 10] [--users 128] [--per-second 300] [--concurrency 1,10] [--under-way 20] [--record]
 */
import { parseArgs } from 'node:util';
import { createReport, median } from './baselines.ts';
import contact from './contact-form.json' with { type: 'json' };
import { cpuSeconds } from './stack/cpu.ts';
import { constantRate, type Figures, users } from './stack/load.ts';
import { openStack, type Stack } from './stack/open.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '10' },
    users: { type: 'string', default: '128' },
    'per-second': { type: 'string', default: '300' },
    concurrency: { type: 'string', default: '1,10' },
    'under-way': { type: 'string', default: '20' },
    record: { type: 'boolean', default: false },
  },
});
const target = { accept: 0.5, tasks: 0.6, p95: 100 };
const [rounds, seconds, connections] = [Number(values.rounds), Number(values.seconds), Number(values.users)];
const perSecond = Number(values['per-second']);
const body = JSON.stringify({ answers: contact.answers });
const workers = ['worker-high', 'worker-default', 'worker-ai'];

const { say, record } = createReport('stack');

/** What each collection was said to hold. */
const answered: Record<string, string[]> = { responses: [], bare_responses: [] };
const sides = { formstead: '', 'bare, same group commit': '/bare/group', 'bare, one insert each': '/bare/each' };
type Side = keyof typeof sides;
const names = Object.keys(sides) as Side[];
/** Milliseconds of a CPU for one response, how many CPUs the database has used, and for how many seconds after the load outboxes were still emptied. */
type Measured = Figures & { database: number; server: number; nginx: number; databaseCpus: number; behind: number };

/** Runs a load on one side. */
async function measure(stack: Stack, side: Side, load: (path: string) => Promise<Figures>): Promise<Measured> {
  const server = side === 'formstead' ? 'api' : 'bare';
  const services = ['mongodb', 'nginx', server] as const;
  const [before, from] = [await cpuSeconds(stack, services), performance.now()];
  const figures = await load(sides[side] || stack.path);
  const [after, elapsed] = [await cpuSeconds(stack, services), (performance.now() - from) / 1000];
  // What Formstead has put off is not for the next side to pay.
  const behind = server === 'api' ? Number(await stack.run('bare', 'outboxes.ts', '')) / 1000 : 0;
  answered[server === 'api' ? 'responses' : 'bare_responses']!.push(...figures.ids);
  const used = (service: (typeof services)[number]) => after[service] - before[service];
  const each = (service: (typeof services)[number]) => (used(service) / figures.ids.length) * 1000;
  const databaseCpus = used('mongodb') / elapsed;
  return { ...figures, database: each('mongodb'), server: each(server), nginx: each('nginx'), databaseCpus, behind };
}

const line = (side: Side, of: (figure: Exclude<keyof Measured, 'ids' | 'refused'>) => number, refused: number) =>
  `  ${side.padEnd(24)} ${String(Math.round(of('rate'))).padStart(6)}/s   p50 ${Math.round(of('p50'))} ms, p95 ${Math.round(of('p95'))} ms` +
  `   CPU each: server ${of('server').toFixed(1)}, nginx ${of('nginx').toFixed(1)}, database ${of('database').toFixed(1)} ms (${of('databaseCpus').toFixed(1)} CPUs)` +
  `${refused > 0 ? `   ${refused} not acknowledged` : ''}`;

async function acceptances(stack: Stack): Promise<number> {
  const found: Record<Side, Measured>[] = [];
  for (let round = -1; round < rounds; round += 1) {
    const measured: Partial<Record<Side, Measured>> = {};
    for (const side of names)
      measured[side] = await measure(stack, side, (path) => users(stack.target, { path, body, connections, seconds }));
    // The first warms up.
    if (round >= 0) found.push(measured as Record<Side, Measured>);
  }
  say(
    `${connections} users through nginx, ${Buffer.byteLength(body)} byte bodies, ${rounds} rounds of ${seconds} s, medians`,
  );
  for (const side of names) {
    const refused = found.reduce((sum, one) => sum + one[side].refused.length, 0);
    say(line(side, (figure) => median(found.map((one) => one[side][figure])), refused));
  }
  const ratio = (side: Side) => median(found.map((one) => one.formstead.rate / one[side].rate));
  const held = ratio('bare, same group commit');
  say(`  formstead / bare, same group commit: ${held.toFixed(2)} (at least ${target.accept})`);
  say(`  formstead / bare, one insert each:   ${ratio('bare, one insert each').toFixed(2)}`);
  say(`  outboxes were empty ${median(found.map((one) => one.formstead.behind)).toFixed(1)} s after the load`);
  return held;
}

/** Whether the 95th percentile is below the aim, and everything was acknowledged. */
async function latency(stack: Stack): Promise<boolean> {
  say(
    `${perSecond} a second, whatever the answers take, over up to ${connections} connections, ${seconds} s (p95 below ${target.p95} ms)`,
  );
  const found: Measured[] = [];
  for (const side of ['formstead', 'bare, same group commit'] as const) {
    const load = (path: string) => constantRate(stack.target, { path, body, connections, seconds, perSecond });
    const measured = await measure(stack, side, load);
    say(line(side, (figure) => measured[figure], measured.refused.length));
    found.push(measured);
  }
  return found[0]!.p95 < target.p95 && found[0]!.refused.length === 0;
}

/** Errors: something that was acknowledged is missing, or the bare side keeps less of a response than Formstead does. */
async function check(stack: Stack): Promise<void> {
  await stack.docker('kill', '--signal', 'KILL', await stack.container('mongodb'));
  await stack.compose('up', '--detach', '--wait', '--wait-timeout', '180', 'mongodb', 'bare');
  const found = JSON.parse(await stack.run('bare', 'kept.ts', JSON.stringify(answered)));
  const [own, bare] = [found.responses, found.bare_responses];
  const all = Object.values(answered).flat().length;
  if (own.missing + bare.missing > 0) throw new Error(`of ${all} acknowledged, missing: ${JSON.stringify(found)}`);
  if (bare.bytes < own.bytes * 0.98) throw new Error(`the bare record is shorter: ${JSON.stringify(found)}`);
  say(
    `${all} acknowledged in all, the database killed with SIGKILL: 0 missing; ${own.bytes} and ${bare.bytes} bytes each`,
  );
}

async function tasks(stack: Stack): Promise<number> {
  const options = ['--seconds', values.seconds, '--under-way', values['under-way']];
  const measure = async (side: string, concurrency: string): Promise<number> => {
    const run = ['run', '--rm', '--no-deps', '-T', 'tasks', '--side', side, '--concurrency', concurrency, ...options];
    return JSON.parse(await stack.compose(...run)).perMinute;
  };
  const ratios: number[] = [];
  for (const concurrency of values.concurrency.split(',')) {
    const found: { own: number; bare: number }[] = [];
    for (let round = 0; round < rounds; round += 1)
      found.push({ own: await measure('formstead', concurrency), bare: await measure('bare', concurrency) });
    const of = (side: 'own' | 'bare') => `${Math.round(median(found.map((one) => one[side])))} a minute`;
    const ratio = median(found.map(({ own, bare }) => own / bare));
    say(`tasks, ${concurrency} at once of ${values['under-way']} under way: ${of('own')}`);
    say(`  bare BullMQ ${of('bare')}: ratio ${ratio.toFixed(2)} (at least ${target.tasks})`);
    ratios.push(ratio);
  }
  return Math.min(...ratios);
}

const startedAt = performance.now();
const stack = await openStack((what) =>
  console.error(`${((performance.now() - startedAt) / 1000).toFixed(1)} s  ${what}`),
);
try {
  await stack.compose('stop', '--timeout', '10', ...workers);
  const ratio = await acceptances(stack);
  const inTime = await latency(stack);
  await check(stack);
  const tasksRatio = await tasks(stack);
  await stack.compose('up', '--detach', '--wait', '--wait-timeout', '180', ...workers);
  const { path } = stack;
  const working = await users(stack.target, { path, body, connections, seconds });
  say(`with all workers at work: ${Math.round(working.rate)}/s, p95 ${Math.round(working.p95)} ms`);
  if (values.record) record();
  if (ratio < target.accept || tasksRatio < target.tasks || !inTime) process.exitCode = 1;
} finally {
  await stack.remove();
}
