import { setTimeout as sleep } from 'node:timers/promises';
import type { Disk } from './disk.ts';
import { freezeInTask, killInTask } from './in-task.ts';
import type { Heal, Means } from './means.ts';
import type { World } from './world.ts';

export type Scene = { world: World; means: Means; disk: Disk };

export type Fault = {
  name: string;
  /**
   * What a client must get from the fault to its healing.
   * - `accepted`: 202
   * - `refused`: 202 or, within 2 s, 503 with `Retry-After`, and the health must say that it is the store
   * - `away`: 202 or 503 with `Retry-After`, of nginx or the API
   * - `gone`: nothing needs to answer
   */
  meanwhile: 'accepted' | 'refused' | 'away' | 'gone';
  /** How long it lasts before it is healed; undefined: it heals by itself, and the recovery counts from the fault. */
  lastsMs?: number;
  /** Another one does its work meanwhile: the recovery counts from the fault, and it is healed in the end. */
  takenOver?: true;
  /** Until what was cut off is done, and a response that is sent afterwards is understood and delivered: the issue of this test allows no more. */
  limitMs: number;
  /** Rests on how the stand-in for MongoDB behaves: to be run against a real one. */
  standIn?: true;
  /** `interrupted`: the tasks that it cut off in the middle. */
  make(scene: Scene): Promise<{ heal?: Heal; tidy?: Heal; interrupted?: string[] }>;
};

const workerBack = 15_000;
const redisBack = 15_000;
const databaseBack = 60_000;
const long = 15_000;
const workers = ['worker-high', 'worker-default', 'worker-ai'];
/** In one command: a quarter more than `maxmemory` of deploy/redis/redis.conf is there before Redis finds that it is too much. */
const tooMuch = String(480 * 1024 ** 2);

const killed =
  (service: string): Fault['make'] =>
  async ({ means }) => {
    await means.kill(service);
    return {};
  };

const paused =
  (service: string): Fault['make'] =>
  async ({ world, means }) => ({ heal: await means.pause(await world.stack.container(service)) });

export const faults: Fault[] = [
  {
    name: 'kill api',
    meanwhile: 'away',
    limitMs: workerBack,
    make: killed('api'),
  },
  {
    name: 'kill worker-high in a task',
    meanwhile: 'accepted',
    limitMs: workerBack,
    make: async (scene) => ({ interrupted: await killInTask(scene, 'worker-high', 'high-priority') }),
  },
  {
    name: 'kill worker-default in a task',
    meanwhile: 'accepted',
    limitMs: workerBack,
    make: async (scene) => ({ interrupted: await killInTask(scene, 'worker-default', 'default') }),
  },
  {
    name: 'kill worker-ai in a task',
    meanwhile: 'accepted',
    limitMs: workerBack,
    make: async (scene) => ({ interrupted: await killInTask(scene, 'worker-ai', 'batched') }),
  },
  {
    name: 'kill mongodb',
    meanwhile: 'refused',
    limitMs: databaseBack,
    standIn: true,
    make: killed('mongodb'),
  },
  {
    name: 'kill redis',
    meanwhile: 'accepted',
    limitMs: redisBack,
    make: killed('redis'),
  },
  {
    name: 'redis FLUSHALL',
    meanwhile: 'accepted',
    limitMs: redisBack,
    async make({ means }) {
      await means.redis('FLUSHALL');
      return {};
    },
  },
  {
    name: 'redis started without its disk',
    meanwhile: 'accepted',
    lastsMs: 5000,
    limitMs: redisBack,
    async make({ world: { stack } }) {
      await stack.compose('stop', 'redis');
      const image = await stack.docker('inspect', '--format', '{{.Config.Image}}', await stack.container('redis'));
      const volume = `${stack.network('redis')}:/data`;
      await stack.docker(
        'run',
        '--rm',
        '--network',
        'none',
        '--volume',
        volume,
        image,
        'find',
        '/data',
        '-mindepth',
        '1',
        '-delete',
      );
      return { heal: async () => void (await stack.compose('start', 'redis')) };
    },
  },
  {
    name: 'cut api–mongodb',
    meanwhile: 'refused',
    lastsMs: long,
    limitMs: databaseBack,
    make: async ({ means }) => ({ heal: await means.cut(['api'], 'mongodb') }),
  },
  {
    name: 'cut workers–redis',
    meanwhile: 'accepted',
    lastsMs: long,
    limitMs: redisBack,
    make: async ({ means }) => ({ heal: await means.cut(workers, 'redis') }),
  },
  {
    name: 'cut api–redis',
    meanwhile: 'accepted',
    lastsMs: long,
    limitMs: redisBack,
    make: async ({ means }) => ({ heal: await means.cut(['api'], 'redis') }),
  },
  { name: 'pause api', meanwhile: 'away', lastsMs: long, limitMs: workerBack, make: paused('api') },
  ...workers.map(
    (name): Fault => ({
      name: `pause ${name}`,
      meanwhile: 'accepted',
      lastsMs: long,
      limitMs: workerBack,
      make: paused(name),
    }),
  ),
  {
    name: 'pause mongodb',
    meanwhile: 'refused',
    lastsMs: long,
    limitMs: databaseBack,
    standIn: true,
    make: paused('mongodb'),
  },
  { name: 'pause redis', meanwhile: 'accepted', lastsMs: long, limitMs: redisBack, make: paused('redis') },
  {
    name: '10 % packet loss',
    meanwhile: 'away',
    lastsMs: 20_000,
    limitMs: redisBack,
    make: async ({ means }) => ({ heal: await means.lose(['api', ...workers, 'mongodb', 'redis'], 0.1) }),
  },
  {
    name: 'mongodb’s disk is full',
    meanwhile: 'refused',
    lastsMs: long,
    limitMs: databaseBack,
    standIn: true,
    async make({ disk, world, means }) {
      disk.fill();
      if ((await world.writeUntilFull()) === 50) throw new Error('the database took 400 MB on a full disk');
      const heal = async () => {
        disk.free();
        // A mongod ends by itself when it cannot write, and is started again until it can; the stand-in stays and refuses everything.
        await means.kill('mongodb');
      };
      return { heal, tidy: world.removeBallast };
    },
  },
  {
    name: 'redis’ memory is full',
    meanwhile: 'accepted',
    lastsMs: long,
    limitMs: redisBack,
    async make({ means }) {
      await means.redis('SETRANGE', 'filling', tooMuch, 'x');
      return { heal: async () => void (await means.redis('DEL', 'filling')) };
    },
  },
  {
    name: 'worker-default frozen for 60 s in a task',
    meanwhile: 'accepted',
    lastsMs: 60_000,
    takenOver: true,
    limitMs: workerBack,
    make: (scene) => freezeInTask(scene, 'worker-default', 'default'),
  },
  {
    name: 'everything stopped and started',
    meanwhile: 'gone',
    lastsMs: 1000,
    limitMs: databaseBack,
    standIn: true,
    async make({ world: { stack } }) {
      await stack.compose('stop');
      await sleep(1000);
      return { heal: async () => void (await stack.compose('up', '--detach', '--wait')) };
    },
  },
];
