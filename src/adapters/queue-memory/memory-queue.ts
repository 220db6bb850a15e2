import { type QueueName, queueNames } from '#domain/task.ts';
import type { Log } from '#ports/log.ts';
import type { Offer, TaskQueue } from '#ports/task-queue.ts';
import { createHeap, type Heap } from './heap.ts';

type Work = (offer: Offer) => Promise<void>;
type Entry = { offer: Offer; number: number };
/** `next`: the same task, offered again with a higher count of attempts while this one runs. */
type Active = { offer: Offer; next: Offer | undefined };

type Lane = {
  heap: Heap<Entry>;
  /** The entries of the heap by task id. */
  waiting: Map<string, Entry>;
  active: Map<string, Active>;
  concurrency: number;
  work: Work | undefined;
  paused: boolean;
  woken: boolean;
};

/**
 * Task queue of one process: for each queue a heap of at most `window` offers, ordered by priority, then by the order of the offers.
 * Each queue has its own slots, so that a full one does not hold up another. No timers: what is dropped or forgotten here, the reconciler offers again.
 * An error that `work` lets out is logged, and the consumer goes on.
 */
export function createMemoryQueue(deps: { window?: number; log?: Log } = {}): TaskQueue {
  const { window = 10_000, log } = deps;
  const lanes = new Map<QueueName, Lane>(queueNames.map((name) => [name, newLane()]));
  const idle: (() => void)[] = [];
  let offered = 0;
  let closed = false;

  function accept(lane: Lane, offer: Offer): void {
    const running = lane.active.get(offer.id);
    if (running !== undefined) {
      if (offer.attempts > (running.next ?? running.offer).attempts) running.next = offer;
      return;
    }
    const known = lane.waiting.get(offer.id);
    if (known !== undefined) {
      if (offer.attempts > known.offer.attempts) known.offer = { ...known.offer, attempts: offer.attempts };
      return;
    }
    if (lane.heap.size() < window) push(lane, offer);
  }

  function push(lane: Lane, offer: Offer): void {
    const entry = { offer, number: offered++ };
    lane.waiting.set(offer.id, entry);
    lane.heap.push(entry);
  }

  function startWaiting(lane: Lane): void {
    lane.woken = false;
    const { work } = lane;
    if (work === undefined) return;
    while (!closed && !lane.paused && lane.active.size < lane.concurrency) {
      const entry = lane.heap.pop();
      if (entry === undefined) return;
      lane.waiting.delete(entry.offer.id);
      const active: Active = { offer: entry.offer, next: undefined };
      lane.active.set(entry.offer.id, active);
      void run(lane, work, active);
    }
  }

  async function run(lane: Lane, work: Work, active: Active): Promise<void> {
    try {
      await work(active.offer);
    } catch (err) {
      log?.error({ err, taskId: active.offer.id }, 'work on an offer threw');
    }
    lane.active.delete(active.offer.id);
    // It was accepted while the window had room for it, so it goes in even where the window has filled since: at most `concurrency` too many.
    if (active.next !== undefined && !closed) push(lane, active.next);
    startWaiting(lane);
    if (closed && !isBusy()) for (const resolve of idle.splice(0)) resolve();
  }

  // A microtask and not a call: everything offered in the same step is sorted before the first of it starts, at no turn of the event loop.
  function wake(lane: Lane): void {
    if (lane.woken) return;
    lane.woken = true;
    queueMicrotask(() => startWaiting(lane));
  }

  function isBusy(): boolean {
    return lanes.values().some((lane) => lane.active.size > 0);
  }

  function lanesOf(queue: QueueName | undefined): Lane[] {
    return queue === undefined ? [...lanes.values()] : [lanes.get(queue)!];
  }

  return {
    offer(offers) {
      if (closed) return;
      for (const offer of offers) {
        const lane = lanes.get(offer.queue);
        if (lane === undefined) continue;
        accept(lane, offer);
        wake(lane);
      }
    },
    consume(queue, concurrency, work) {
      const lane = lanes.get(queue)!;
      if (lane.work !== undefined) throw new Error(`the queue ${queue} is consumed already`);
      lane.concurrency = concurrency;
      lane.work = work;
      wake(lane);
    },
    pause(queue) {
      for (const lane of lanesOf(queue)) lane.paused = true;
    },
    resume(queue) {
      for (const lane of lanesOf(queue)) {
        lane.paused = false;
        wake(lane);
      }
    },
    async depths() {
      return [...lanes].map(([queue, lane]) => ({
        queue,
        waiting: lane.heap.size(),
        active: lane.active.size,
        concurrency: lane.concurrency,
        paused: lane.paused,
      }));
    },
    async close() {
      closed = true;
      for (const lane of lanes.values()) {
        lane.heap.clear();
        lane.waiting.clear();
      }
      if (isBusy()) await new Promise<void>((resolve) => idle.push(resolve));
    },
  };
}

function newLane(): Lane {
  return {
    heap: createHeap<Entry>((a, b) =>
      a.offer.priority === b.offer.priority ? a.number < b.number : a.offer.priority < b.offer.priority,
    ),
    waiting: new Map(),
    active: new Map(),
    concurrency: 0,
    work: undefined,
    paused: false,
    woken: false,
  };
}
