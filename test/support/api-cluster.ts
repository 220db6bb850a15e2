import { Agent, request as httpRequest } from 'node:http';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Served, served } from './command-line.ts';
import { freePort } from './free-port.ts';
import { eventually } from './program.ts';
import { stackFor } from './stack-settings.ts';

export type ApiCluster = Served & {
  env: Record<string, string>;
  /** Process ids of those that have said that they listen, in this order; those that are gone too. */
  pids(): number[];
  /** What the metrics port answers. */
  shown(path: string): Promise<{ status: number; text: string }>;
  /** Of that the value of one line, by its beginning. */
  metric(start: string): Promise<number | undefined>;
};

/** `formstead serve` with several processes, once all of them serve. */
export async function apiCluster(
  t: TestContext,
  settings: Record<string, string> = {},
): Promise<ApiCluster | undefined> {
  const metricsPort = String(await freePort());
  const always = { FORMSTEAD_WORKERS: '2', FORMSTEAD_METRICS_PORT: metricsPort, FORMSTEAD_SHUTDOWN_GRACE: '3s' };
  const env = stackFor(t, { ...always, ...settings });
  if (env === undefined) return undefined;
  const server = await served(t, env);
  const cluster: ApiCluster = {
    ...server,
    env,
    pids: () =>
      server
        .printed()
        .stdout.split('\n')
        .filter((line) => line.includes('"listening"') && line.endsWith('}'))
        .map((line) => JSON.parse(line).pid),
    async shown(path) {
      const response = await fetch(`http://127.0.0.1:${env.FORMSTEAD_METRICS_PORT}${path}`);
      return { status: response.status, text: await response.text() };
    },
    async metric(start) {
      const { text } = await cluster.shown('/metrics');
      const line = text.split('\n').find((one) => one.startsWith(start));
      return line === undefined ? undefined : Number(line.split(' ').at(-1));
    },
  };
  await eventually(async () => cluster.pids().length >= Number(env.FORMSTEAD_WORKERS), 40_000);
  return cluster;
}

export const runs = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

export type Load = { accepted: number; failures: string[]; stop(): Promise<void> };

/**
 * Clients that send responses to `form` without a pause, until they are stopped or the test ends: some on connections they keep, some on fresh ones, one that lets
 * its connection rest for longer than a moment.
 */
export function loadOn(t: TestContext, url: string, form: string): Load {
  const load: Load = { accepted: 0, failures: [], stop: async () => {} };
  let stopped = false;
  const kinds = [...Array(4).fill('kept'), ...Array(2).fill('fresh'), 'resting'] as ('kept' | 'fresh' | 'resting')[];
  const clients = kinds.map(async (kind) => {
    const agent = new Agent({ keepAlive: kind !== 'fresh', maxSockets: 1 });
    while (!stopped) {
      try {
        const status = await post(agent, `${url}/api/v1/forms/${form}/responses`);
        if (status === 202) load.accepted += 1;
        else load.failures.push(`${kind}: ${status}`);
      } catch (err) {
        load.failures.push(`${kind}: ${String(err)}`);
      }
      await sleep(kind === 'resting' ? 700 : 5);
    }
    agent.destroy();
  });
  load.stop = async () => {
    stopped = true;
    await Promise.all(clients);
  };
  t.after(load.stop);
  return load;
}

function post(agent: Agent, url: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json' };
    const request = httpRequest(url, { agent, method: 'POST', headers }, (response) => {
      response.resume();
      response.once('end', () => resolve(response.statusCode!));
      response.once('error', reject);
    });
    request.once('error', reject);
    request.end(JSON.stringify({ answers: { message: 'under load' } }));
  });
}
