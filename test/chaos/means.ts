import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import type { Installation } from '../stack/installation.ts';
import { eventually } from '../support/program.ts';

/* The ways to break a part of the stack, from outside of its containers. Each that lasts resolves to what heals it. */
const run = promisify(execFile);

export type Heal = () => Promise<void>;
export type Means = ReturnType<typeof createMeans>;

/** Allowed everything: the program's own user may not touch the server. Made by the test in `redis_users`, there is none in production. */
export const redisAdministrator = { name: 'chaos', password: 'known-to-this-test' };

export function createMeans(stack: Installation) {
  const format = (id: string, what: string) => stack.docker('inspect', '--format', what, id);
  const pidOf = async (id: string) => Number(await format(id, '{{.State.Pid}}'));
  const addressOf = async (service: string) =>
    format(
      await stack.container(service),
      `{{(index .NetworkSettings.Networks "${stack.network('backend')}").IPAddress}}`,
    );

  /** A host's SIGKILL: the engine takes `docker kill` for a wish, and does not start the container again. */
  async function kill(service: string): Promise<void> {
    const pid = await pidOf(await stack.container(service));
    process.kill(pid, 'SIGKILL');
    await eventually(async () => !existsSync(`/proc/${pid}`), 10_000);
  }

  /** Every process of a container stands still at once, until `SIGCONT`. */
  async function signalAll(id: string, signal: 'SIGSTOP' | 'SIGCONT'): Promise<void> {
    const pids = (await stack.docker('top', id, '-o', 'pid')).split('\n').slice(1).map(Number);
    for (const pid of pids) process.kill(pid, signal);
  }

  /** The containers' memory stays, nothing in them runs. */
  async function pause(...ids: string[]): Promise<Heal> {
    await stack.docker('pause', ...ids);
    return async () => void (await stack.docker('unpause', ...ids));
  }

  /** Rules in the network of a container, all put in or none, and gone with a container that ends. */
  async function filter(service: string, rules: string[][]): Promise<Heal> {
    const pid = await pidOf(await stack.container(service));
    const iptables = (how: string, rule: string[]) =>
      run('nsenter', ['--target', String(pid), '--net', 'iptables', '--wait', how, ...rule]);
    for (const rule of rules) await iptables('--insert', rule);
    return async () => {
      for (const rule of rules) await iptables('--delete', rule).catch(() => {});
    };
  }

  async function all(making: Promise<Heal>[]): Promise<Heal> {
    const heals = await Promise.all(making);
    return async () => void (await Promise.all(heals.map((heal) => heal())));
  }

  /** Packets between them vanish, both ways: harder than a refusal, since nobody is told. */
  async function cut(services: string[], from: string): Promise<Heal> {
    const address = await addressOf(from);
    const rules = [
      ['OUTPUT', '--destination', address, '--jump', 'DROP'],
      ['INPUT', '--source', address, '--jump', 'DROP'],
    ];
    return all(services.map((service) => filter(service, rules)));
  }

  /** Of what comes in from others, that share is lost. */
  function lose(services: string[], share: number): Promise<Heal> {
    const statistic = ['--match', 'statistic', '--mode', 'random', '--probability', String(share)];
    const rule = ['INPUT', '!', '--in-interface', 'lo', ...statistic, '--jump', 'DROP'];
    return all(services.map((service) => filter(service, [rule])));
  }

  function redis(...command: string[]): Promise<string> {
    const { name, password } = redisAdministrator;
    const tls = ['--tls', '--cacert', '/run/secrets/ca_certificate', '-h', 'localhost'];
    return stack.inside(
      'redis',
      'redis-cli',
      ...tls,
      '--no-auth-warning',
      '--user',
      name,
      '--pass',
      password,
      '-e',
      ...command,
    );
  }

  return { kill, signalAll, pidOf, pause, cut, lose, redis };
}
