import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { QueueName } from '#domain/task.ts';
import type { Offer, TaskQueue } from '#ports/task-queue.ts';

export type QueueUnderTest = {
  queue: TaskQueue;
  /** How many offers one queue of it holds at most. Small, so that a test can fill it. */
  window: number;
};

type Gate = { opened: Promise<void>; open(): void };

/**
 * What every task queue must do. `make` returns a fresh, empty queue with a window of at least 20; its queue is closed by the suite.
 * Offers may take their time to arrive: the suite waits for what it can see, never for a fixed time.
 */
export function taskQueueContract(name: string, make: () => Promise<QueueUnderTest>): void {
  const rule = (title: string, check: (under: QueueUnderTest, t: TestContext) => Promise<void>) =>
    test(`${name}: ${title}`, { timeout: 20_000 }, async (t) => {
      const under = await make();
      t.after(() => under.queue.close());
      await check(under, t);
    });

  rule('the lowest priority number runs first, and the oldest of equals', async ({ queue }) => {
    const ran: string[] = [];
    queue.pause('default');
    queue.consume('default', 1, async (o) => void ran.push(o.id));
    for (const [id, priority] of [
      ['a', 5],
      ['b', 2],
      ['c', 9],
      ['d', 2],
      ['e', 0],
      ['f', 5],
    ] as const) {
      queue.offer([offer(id, { priority })]);
    }
    await waiting(queue, 'default', 6);
    queue.resume('default');
    await until(() => ran.length === 6);
    assert.deepEqual(ran, ['e', 'b', 'd', 'a', 'f', 'c']);
  });

  rule('work gets the offer as it was made', async ({ queue }) => {
    const ran: Offer[] = [];
    queue.consume('batched', 1, async (o) => void ran.push(o));
    const made = offer('tsk_1:understand', { attempts: 2, queue: 'batched', priority: 7 });
    queue.offer([made]);
    await until(() => ran.length === 1);
    assert.deepEqual(ran, [made]);
  });

  rule('offers made before anybody consumes are kept', async ({ queue }) => {
    const ran: string[] = [];
    queue.offer([offer('early')]);
    await waiting(queue, 'default', 1);
    queue.consume('default', 1, async (o) => void ran.push(o.id));
    await until(() => ran.length === 1);
  });

  rule('never more than its concurrency runs at once, and all of it is used', async ({ queue }) => {
    const gates = new Map<string, Gate>();
    let running = 0;
    let most = 0;
    queue.consume('default', 3, async (o) => {
      most = Math.max(most, ++running);
      await gate(gates, o.id).opened;
      running -= 1;
    });
    const ids = Array.from({ length: 15 }, (_, i) => `t${i}`);
    queue.offer(ids.map((id) => offer(id)));
    await until(() => running === 3);
    for (const id of ids) {
      gate(gates, id).open();
      await turn();
    }
    await until(() => running === 0);
    assert.equal(most, 3);
    assert.equal(gates.size, 15);
  });

  rule('a queue whose slots are all taken does not hold up another', async ({ queue }) => {
    const gates = new Map<string, Gate>();
    const ran: string[] = [];
    queue.consume('batched', 1, (o) => gate(gates, o.id).opened);
    queue.consume('high-priority', 1, async (o) => void ran.push(o.id));
    queue.offer([offer('slow', { queue: 'batched' }), offer('slower', { queue: 'batched' })]);
    await until(() => gates.has('slow'));
    queue.offer([offer('quick', { queue: 'high-priority' })]);
    await until(() => ran.includes('quick'));
    assert.deepEqual([...gates.keys()], ['slow']);
    for (const id of ['slow', 'slower']) gate(gates, id).open();
  });

  rule('an offer of a task that waits already is ignored', async ({ queue }) => {
    const ran: string[] = [];
    queue.pause();
    queue.consume('default', 1, async (o) => void ran.push(o.id));
    queue.offer([offer('a'), offer('a'), offer('b')]);
    queue.offer([offer('a')]);
    await waiting(queue, 'default', 2);
    queue.resume();
    await until(() => ran.length >= 2);
    queue.offer([offer('last', { priority: 9 })]);
    await until(() => ran.includes('last'));
    assert.deepEqual(ran, ['a', 'b', 'last']);
  });

  rule(
    'a task that runs is not started again by the same offer, but by one with more attempts, afterwards',
    async ({ queue }) => {
      const gates = new Map<string, Gate>();
      const started: string[] = [];
      let running = 0;
      let most = 0;
      queue.consume('default', 5, async (o) => {
        most = Math.max(most, ++running);
        const key = `${o.id}/${o.attempts}`;
        started.push(key);
        await gate(gates, key).opened;
        running -= 1;
      });
      queue.offer([offer('a', { attempts: 1 })]);
      await until(() => started.length === 1);
      queue.offer([offer('a', { attempts: 1 }), offer('a', { attempts: 2 })]);
      queue.offer([offer('b')]);
      await until(() => started.includes('b/0'));
      gate(gates, 'b/0').open();
      gate(gates, 'a/2').open();
      gate(gates, 'a/1').open();
      await until(() => running === 0 && started.includes('a/2'));
      assert.equal(started.filter((key) => key === 'a/1').length, 1);
      assert.equal(started.filter((key) => key === 'a/2').length, 1);
    },
  );

  rule('a task that has ended can be offered again', async ({ queue }) => {
    let ran = 0;
    queue.consume('default', 1, async () => {
      ran += 1;
    });
    queue.offer([offer('a')]);
    await until(() => ran === 1);
    await until(async () => (await depth(queue, 'default')).active === 0);
    queue.offer([offer('a')]);
    await until(() => ran === 2);
  });

  rule('it holds a bounded window, and everything it holds is run once', async ({ queue, window }) => {
    const ran: string[] = [];
    queue.pause();
    queue.consume('default', 4, async (o) => void ran.push(o.id));
    const ids = Array.from({ length: window + 50 }, (_, i) => `t${i}`);
    queue.offer(ids.map((id) => offer(id)));
    await until(async () => (await depth(queue, 'default')).waiting > 0);
    await until(async () => {
      const before = (await depth(queue, 'default')).waiting;
      await turn(20);
      return (await depth(queue, 'default')).waiting === before;
    });
    const held = (await depth(queue, 'default')).waiting;
    assert.ok(held <= window, `${held} offers are held, the window is ${window}`);
    queue.resume();
    await until(async () => ran.length >= held && (await depth(queue, 'default')).active === 0);
    assert.equal(ran.length, held);
    assert.equal(new Set(ran).size, held, 'none runs twice');
    queue.offer([offer('after')]);
    await until(() => ran.includes('after'));
  });

  rule('a full window of one queue leaves room in the others', async ({ queue, window }) => {
    const ran: string[] = [];
    queue.pause('default');
    queue.consume('high-priority', 1, async (o) => void ran.push(o.id));
    queue.offer(Array.from({ length: window + 1 }, (_, i) => offer(`t${i}`)));
    queue.offer([offer('quick', { queue: 'high-priority' })]);
    await until(() => ran.includes('quick'));
  });

  rule('a paused queue starts nothing, lets what runs end, and the others go on', async ({ queue }) => {
    const gates = new Map<string, Gate>();
    const ran: string[] = [];
    const work = async (o: Offer) => {
      await gate(gates, o.id).opened;
      ran.push(o.id);
    };
    queue.consume('default', 1, work);
    queue.consume('batched', 1, work);
    queue.offer([offer('a')]);
    await until(() => gates.has('a'));
    queue.pause('default');
    queue.offer([offer('b'), offer('c', { queue: 'batched' })]);
    gate(gates, 'a').open();
    await until(() => gates.has('c') && ran.includes('a'));
    gate(gates, 'c').open();
    await until(() => ran.includes('c'));
    await turn(50);
    assert.equal(gates.has('b'), false, 'b must not have started');
    assert.equal((await depth(queue, 'default')).paused, true);
    assert.equal((await depth(queue, 'batched')).paused, false);
    queue.resume('default');
    await until(() => gates.has('b'));
    gate(gates, 'b').open();
    await until(() => ran.includes('b'));
  });

  rule('pause and resume without a name mean every queue', async ({ queue }) => {
    const ran: string[] = [];
    for (const name of ['high-priority', 'default', 'batched'] as const) {
      queue.consume(name, 1, async (o) => void ran.push(o.id));
    }
    queue.pause();
    queue.offer([offer('a'), offer('b', { queue: 'batched' }), offer('c', { queue: 'high-priority' })]);
    for (const name of ['high-priority', 'default', 'batched'] as const) await waiting(queue, name, 1);
    assert.deepEqual(ran, []);
    queue.resume();
    await until(() => ran.length === 3);
  });

  rule('work that throws takes no slot with it and stops nobody', async ({ queue }) => {
    const ran: string[] = [];
    queue.consume('default', 1, (o) => {
      if (o.id === 'throws') throw new Error('thrown at once');
      if (o.id === 'rejects') return Promise.reject(new Error('rejected'));
      ran.push(o.id);
      return Promise.resolve();
    });
    queue.offer([offer('throws'), offer('rejects'), offer('fine')]);
    await until(() => ran.includes('fine'));
    await until(async () => (await depth(queue, 'default')).active === 0);
  });

  rule('depths tell of every queue what waits and what runs', async ({ queue }) => {
    const gates = new Map<string, Gate>();
    queue.consume('default', 2, (o) => gate(gates, o.id).opened);
    queue.offer(['a', 'b', 'c', 'd', 'e'].map((id) => offer(id)));
    await until(async () => (await depth(queue, 'default')).active === 2);
    await waiting(queue, 'default', 3);
    const all = await queue.depths();
    assert.deepEqual(all.map((row) => row.queue).toSorted(), ['batched', 'default', 'high-priority']);
    for (const id of ['a', 'b', 'c', 'd', 'e']) gate(gates, id).open();
  });

  rule('closing waits for what runs and starts nothing more', async ({ queue }) => {
    const gates = new Map<string, Gate>();
    let ended = 0;
    queue.consume('default', 1, async (o) => {
      await gate(gates, o.id).opened;
      ended += 1;
    });
    queue.offer([offer('a'), offer('b')]);
    await until(() => gates.has('a'));
    let closed = false;
    const closing = queue.close().then(() => {
      closed = true;
    });
    queue.offer([offer('c')]);
    await turn(30);
    assert.equal(closed, false, 'a still runs');
    gate(gates, 'a').open();
    await closing;
    assert.equal(ended, 1);
    await turn(30);
    assert.deepEqual([...gates.keys()], ['a']);
  });
}

function offer(id: string, rest: Partial<Offer> = {}): Offer {
  return { id, attempts: 0, queue: 'default', priority: 4, ...rest };
}

function gate(gates: Map<string, Gate>, id: string): Gate {
  let found = gates.get(id);
  if (found === undefined) {
    const { promise, resolve } = Promise.withResolvers<void>();
    found = { opened: promise, open: resolve };
    gates.set(id, found);
  }
  return found;
}

async function depth(queue: TaskQueue, name: QueueName) {
  const row = (await queue.depths()).find((each) => each.queue === name);
  assert.ok(row, `depths() leaves out ${name}`);
  return row;
}

async function waiting(queue: TaskQueue, name: QueueName, count: number): Promise<void> {
  await until(async () => (await depth(queue, name)).waiting === count);
}

/** Until the condition holds; a test's time limit ends the wait. */
async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await turn(2);
}

function turn(ms = 0): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
