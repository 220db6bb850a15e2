/**
 * The stack from docker-compose.yml under load from clients that keep their receipts, and one part of it after the other is killed, paused, cut off, filled
 * or emptied. After each fault nothing that was acknowledged may be missing or there twice, every task must have ended, `verify` must be clean, and work must
 * go on in time (faults.ts).
 * As root: it mounts a disk, enters networks and kills what runs in containers.
 * `--plant` takes a response out of the store before the last round is reckoned up, which must then fail: that proves that this test can.
 * Usage: node test/chaos/chaos.ts [--only NAME]… [--plant]
 */
import { appendFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { install } from '../stack/installation.ts';
import { makeDisk } from './disk.ts';
import { type Fault, faults } from './faults.ts';
import { createMeans, redisAdministrator } from './means.ts';
import { playRound, type Round } from './round.ts';
import { table } from './table.ts';
import { openWorld } from './world.ts';

const { values } = parseArgs({
  options: { only: { type: 'string', multiple: true, default: [] }, plant: { type: 'boolean' } },
});
const unknown = values.only.filter((name) => !faults.some((fault) => fault.name === name));
if (unknown.length > 0) {
  console.error(`--only is one of:\n  ${faults.map(({ name }) => name).join('\n  ')}`);
  process.exit(2);
}
const chosen = values.only.length === 0 ? faults : faults.filter(({ name }) => values.only.includes(name));
/** The stand-in reads a collection as a whole where MongoDB looks into an index: with more responses its time, and not the program's, would be measured. */
const mostResponses = 600;
const startedAt = performance.now();
const tell = (what: string) =>
  console.log(`${((performance.now() - startedAt) / 1000).toFixed(1).padStart(7)} s  ${what}`);

async function main(): Promise<void> {
  const disk = makeDisk();
  let stack: Awaited<ReturnType<typeof install>> | undefined;
  const rounds: Round[] = [];
  const clear = async () => {
    await stack?.remove();
    disk.remove();
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void clear().finally(() => process.exit(1)));
  try {
    stack = await install({
      project: 'formstead-chaos',
      subnet: '10.30.82.0/28',
      tell,
      overrides: [join(import.meta.dirname, 'compose.override.yml')],
      // The load comes from one address.
      settings: [
        `MONGODB_DISK=${disk.path}`,
        'FORMSTEAD_RESPONSES_PER_MINUTE=1000000',
        'FORMSTEAD_REQUESTS_PER_MINUTE=1000000',
      ],
      prepare(place) {
        const { name, password } = redisAdministrator;
        appendFileSync(join(place, 'deploy/secrets/redis_users'), `user ${name} on >${password} ~* &* +@all\n`);
      },
    });
    const means = createMeans(stack);
    let world = await openWorld(stack);
    let broken = false;
    for (const [nth, fault] of chosen.entries()) {
      if (broken || world.acknowledged.size > mostResponses) {
        tell('a new installation');
        world.close();
        await stack.compose('down', '--volumes', '--timeout', '10');
        disk.wipe();
        await stack.compose('up', '--detach', '--wait', '--wait-timeout', '180');
        world = await openWorld(stack);
      }
      // What else the machine does decides over the times.
      tell(`${fault.name}, load ${loadavg()[0]!.toFixed(1)}`);
      const round = await playRound({ world, means, disk }, fault, {
        nth,
        plant: values.plant === true && nth === chosen.length - 1,
      }).catch((err: Error) => brokenRound(fault, err));
      tell(`  ${table.line(round)}`);
      for (const complaint of round.complaints) tell(`  ✗ ${complaint}`);
      rounds.push(round);
      broken = round.complaints.length > 0;
    }
    world.close();
  } finally {
    await clear();
  }
  console.log(`\n${table.of(rounds)}`);
  if (rounds.some(({ complaints }) => complaints.length > 0)) process.exitCode = 1;
}

/** Of a round that could not be played to its end nothing is known. */
function brokenRound(fault: Fault, err: Error): Round {
  const complaints = [`the round broke: ${err.stack}`];
  const none = {
    firstAcceptedMs: undefined,
    firstWebhookMs: undefined,
    resumedMs: undefined,
    lost: undefined,
    twice: undefined,
    open: undefined,
  };
  return { fault, acknowledged: 0, during: [], ...none, complaints };
}

await main();
