import { setTimeout as pause } from 'node:timers/promises';
import { definition, type Receiver, startReceiver, type VerdictJson } from '../soak/world.ts';
import type { Installation, Reply } from '../stack/installation.ts';
import type { Acknowledged } from './clients.ts';

const tries = 30;

/* A fresh installation with one form and one receiver of webhooks, and what can be asked of it. */

export type World = {
  stack: Installation;
  form: string;
  endpoint: string;
  receiver: Receiver;
  /** By key, over all rounds of this installation. */
  acknowledged: Map<string, Acknowledged>;
  /** What a client was told twice, differently. */
  contradictions: string[];
  /** As the administrator. Errors: any other status than `expected`. */
  // biome-ignore lint/suspicious/noExplicitAny: a body is looked into, and a wrong guess fails the test.
  call(method: string, path: string, expected: number, body?: unknown): Promise<any>;
  /** Tasks that wait, run, or wait for another attempt. */
  openTasks(): Promise<number>;
  /** The ids of those that run in a queue. */
  running(queue: string): Promise<string[]>;
  verify(): Promise<VerdictJson & { deliveries: Record<string, number>; events: Record<string, number> }>;
  /** Every response that is kept, as the API shows it. */
  // biome-ignore lint/suspicious/noExplicitAny: as above
  kept(): Promise<{ id: string; receipt: any }[]>;
  /** Takes a response out of the store, behind everybody's back. */
  removeOne(): Promise<void>;
  /** Writes until the database takes nothing more; resolves to how much it took, in parts of 8 MB. */
  writeUntilFull(): Promise<number>;
  /** Removes what that wrote. */
  removeBallast(): Promise<void>;
  close(): void;
};

const client = `
  import { readFileSync } from 'node:fs';
  import { MongoClient } from '/app/node_modules/mongodb/lib/index.js';
  const url = readFileSync(process.env.MONGODB_URL_FILE, 'utf8').trim();
  const client = new MongoClient(url, { ca: readFileSync(process.env.MONGODB_CA_FILE), socketTimeoutMS: 5000 });`;
const removal = `${client}
  console.log((await client.db().collection('responses').deleteOne({})).deletedCount);
  await client.close();`;
/** What a server has set aside for its journal is used up as well: 400 MB at most. */
const ballast = `${client}
  import { randomBytes } from 'node:crypto';
  let n = 0;
  try {
    for (; n < 50; n += 1) await client.db().collection('ballast').insertOne({ bytes: randomBytes(8e6) });
  } catch {}
  console.log(n);
  await client.close(true);`;
const unballast = `${client}
  await client.db().collection('ballast').drop();
  await client.close();`;

export async function openWorld(stack: Installation): Promise<World> {
  // Where containers of this network reach this machine.
  const gateway = await stack.docker(
    ...['network', 'inspect', '--format', '{{(index .IPAM.Config 0).Gateway}}', stack.network('egress')],
  );
  const receiver = await startReceiver(gateway);
  let token = await stack.token();

  const call: World['call'] = async (method, path, expected, body) => {
    const ask = (): Promise<Reply> => stack.ask(method, `/api/v1${path}`, { token, body });
    let reply = await ask();
    // As its clients do.
    for (let n = 0; n < tries && reply.status === 503; n += 1) {
      await pause(1000);
      reply = await ask();
    }
    if (reply.status === 401) {
      token = await stack.token();
      reply = await ask();
    }
    if (reply.status !== expected) throw new Error(`${method} ${path}: ${reply.status} ${JSON.stringify(reply.body)}`);
    return reply.body;
  };

  const program = (code: string) => stack.inside('api', 'node', '--input-type=module', '-e', code);
  const intelligence = { extract: { fields: [{ name: 'email', type: 'email' }] } };
  const { id: form } = await call('POST', '/forms', 201, { title: 'Chaos', definition, intelligence });
  await call('POST', `/forms/${form}/publish`, 201, {});
  const endpoint = await call('POST', '/webhook-endpoints', 201, {
    url: receiver.url,
    events: ['response.understood'],
  });
  receiver.trust(endpoint.secret);

  return {
    stack,
    form,
    endpoint: endpoint.id,
    receiver,
    acknowledged: new Map(),
    contradictions: [],
    call,
    async openTasks() {
      const { items } = await call('GET', '/queues', 200);
      return items.reduce((sum: number, { depth, running }: Record<string, number>) => sum + depth! + running!, 0);
    },
    async running(queue) {
      const { items } = await call('GET', `/tasks?status=running&queue=${queue}`, 200);
      return items.map(({ id }: { id: string }) => id);
    },
    async verify() {
      const command = ['node', '/app/src/cli/main.js', 'verify', '--json'];
      const verdict = () => stack.inside('api', ...command).catch((err: { stdout: string }) => err.stdout);
      // A read that a busy stand-in answers late ends it without a verdict, which is no finding.
      return JSON.parse((await verdict()) || (await verdict()) || (await verdict()));
    },
    async kept() {
      const found = [];
      let cursor = '';
      do {
        const page = await call('GET', `/forms/${form}/responses?limit=1000${cursor && `&cursor=${cursor}`}`, 200);
        found.push(...page.items);
        cursor = page.next_cursor ?? '';
      } while (cursor);
      return found;
    },
    writeUntilFull: async () => Number(await program(ballast)),
    removeBallast: async () => void (await program(unballast)),
    async removeOne() {
      const removed = await program(removal);
      if (removed !== '1') throw new Error(`nothing to plant: ${removed}`);
    },
    close: receiver.stop,
  };
}
