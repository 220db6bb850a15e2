import type { QueueName } from '#domain/task.ts';

/**
 * Task queue: carries ids of due tasks to workers, early and cheaply. It may forget everything at any moment: the store holds the tasks,
 * and the reconciler offers again what nobody holds. An offer twice is harmless: the claim in the store decides.
 */
export interface TaskQueue {
  /** Never throws and never waits; an offer that does not fit the bounded window is dropped (and found later by the reconciler). */
  offer(offers: Offer[]): void;
  /** Starts consuming; `work` is called with at most `concurrency` offers at once, lowest priority number first, then oldest. */
  consume(queue: QueueName, concurrency: number, work: (offer: Offer) => Promise<void>): void;
  /** Stops calling `work` (of one queue, or of all) until `resume`. */
  pause(queue?: QueueName): void;
  resume(queue?: QueueName): void;
  /** What this process knows: offers that wait, work that runs, and at most how much at once (0 without a consumer). */
  depths(): Promise<{ queue: QueueName; waiting: number; active: number; concurrency: number; paused: boolean }[]>;
  /** Takes nothing more and waits until every `work` that runs has ended. */
  close(): Promise<void>;
}

/** What an operator does to a queue that several processes share; each of one queue, or of all. Errors: rejects while the queue is away. */
export interface QueueControl {
  /** Lets no process start work until `resumeEverywhere`. Kept where the queue is: one that starts empty has forgotten it. */
  pauseEverywhere(queue?: QueueName): Promise<void>;
  resumeEverywhere(queue?: QueueName): Promise<void>;
  /** Drops whatever the queue holds; pauses stay. What runs goes on, and the reconciler offers anew what is due. */
  clear(queue?: QueueName): Promise<void>;
}

/** `attempts` is what the store had counted when the offer was made: the same task may come again with a higher one. */
export type Offer = { id: string; attempts: number; queue: QueueName; priority: number };
