import { createMemoryQueue } from '../../src/adapters/queue-memory/memory-queue.ts';
import { taskQueueContract } from './task-queue.ts';

taskQueueContract('queue-memory', async () => ({ queue: createMemoryQueue({ window: 40 }), window: 40 }));
