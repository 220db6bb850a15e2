import type { FastifyInstance } from 'fastify';
import type { Tasks } from '#app/tasks.ts';
import { may } from '#domain/actor.ts';
import { type QueueName, queueNames, type TaskStatus, taskStatuses } from '#domain/task.ts';
import type { Clock } from '#ports/clock.ts';
import type { TaskQueue } from '#ports/task-queue.ts';
import { guard } from '../auth.ts';
import type { Paging } from '../paging.ts';
import { noContent, pageOf, pageQuery } from '../schemas/common.ts';
import { queuesSchema, requeuedSchema, taskParams, taskSchema } from '../schemas/tasks.ts';
import { maybeTime, publicTaskView, taskRowView, taskView } from '../views.ts';
import { callerOf } from './forms.ts';

type Deps = { tasks: Tasks; queue: Pick<TaskQueue, 'depths'>; clock: Clock; paging: Paging };
type Id = { Params: { id: string } };
type List = { Querystring: { limit: number; cursor?: string; status?: TaskStatus; queue?: QueueName } };

const row = { type: 'object', additionalProperties: true } as const;
const listQuery = {
  type: 'object',
  additionalProperties: false,
  properties: { ...pageQuery, queue: { enum: queueNames } },
} as const;

export function taskRoutes(api: FastifyInstance, { tasks, queue, clock, paging }: Deps): void {
  const read = guard('tasks:read');
  const manage = guard('tasks:manage');
  const tags = ['tasks'];

  api.get<Id>(
    '/tasks/:id',
    {
      config: { public: true, recogniseActor: true, problems: ['task-not-found'] },
      schema: {
        tags,
        summary: 'How far a task is; without a token only its status and progress',
        params: taskParams,
        response: { 200: taskSchema },
      },
    },
    async (request, reply) => {
      // A page that sent a response from elsewhere follows its own task; no cookie takes part.
      reply.header('access-control-allow-origin', '*');
      const task = await tasks.get(request.params.id);
      return may(request.actor, 'tasks:read') ? taskView(task) : publicTaskView(task);
    },
  );

  api.get<List>(
    '/tasks',
    {
      config: { ...read, problems: ['bad-cursor'] },
      schema: {
        tags,
        summary: 'List tasks, newest first',
        querystring: { ...listQuery, properties: { ...listQuery.properties, status: { enum: taskStatuses } } },
        response: { 200: pageOf(row) },
      },
    },
    async ({ query }) => {
      const { status, queue } = query;
      const list = JSON.stringify(['tasks', status, queue]);
      const page = await tasks.list({ status, queue, ...paging.read(query, list) });
      return paging.body(page.items.map(taskRowView), page.next, list);
    },
  );

  api.post<Id>(
    '/tasks/:id/cancel',
    {
      config: { ...manage, problems: ['task-not-found', 'conflict'] },
      schema: { tags, summary: 'Ask a task to stop', params: taskParams, response: { 202: taskSchema } },
    },
    async (request, reply) => {
      reply.code(202);
      return taskView(await tasks.cancel(callerOf(request), request.params.id));
    },
  );

  api.get(
    '/queues',
    {
      config: read,
      schema: { tags, summary: 'What waits in the queues, and who works on it', response: { 200: queuesSchema } },
    },
    async () => {
      // The store knows what waits also while the queue is away.
      const [depths, windows] = await Promise.all([tasks.depths(), queue.depths().catch(() => [])]);
      const items = depths.map((depth) => {
        const window = windows.find((entry) => entry.queue === depth.queue);
        return {
          queue: depth.queue,
          pending: depth.pending,
          retrying: depth.retrying,
          running: depth.running,
          dead_letters: depth.failed,
          depth: depth.pending + depth.retrying,
          oldest_due_at: maybeTime(depth.oldestDueAt),
          oldest_age_seconds:
            depth.oldestDueAt === undefined ? null : Math.max(0, clock.now() - depth.oldestDueAt) / 1000,
          workers: {
            concurrency: window?.concurrency ?? 0,
            active: window?.active ?? 0,
            waiting: window?.waiting ?? 0,
            paused: window?.paused ?? false,
          },
        };
      });
      return { items };
    },
  );

  api.get<List>(
    '/dead-letters',
    {
      config: { ...read, problems: ['bad-cursor'] },
      schema: {
        tags,
        summary: 'Tasks that are out of tries, newest first',
        querystring: listQuery,
        response: { 200: pageOf(row) },
      },
    },
    async ({ query }) => {
      const list = JSON.stringify(['dead-letters', query.queue]);
      const page = await tasks.list({ status: 'failed', queue: query.queue, ...paging.read(query, list) });
      return paging.body(page.items.map(taskRowView), page.next, list);
    },
  );

  api.post<Id>(
    '/dead-letters/:id/requeue',
    {
      config: { ...manage, problems: ['task-not-found'] },
      schema: {
        tags,
        summary: 'Try a dead letter again, with all its attempts',
        params: taskParams,
        response: { 202: requeuedSchema },
      },
    },
    async (request, reply) => {
      await tasks.requeue(callerOf(request), request.params.id);
      return reply.code(202).send({ id: request.params.id, status: 'pending' });
    },
  );

  api.delete<Id>(
    '/dead-letters/:id',
    {
      config: { ...manage, problems: ['task-not-found'] },
      schema: { tags, summary: 'Give a dead letter up', params: taskParams, response: { 204: noContent } },
    },
    async (request, reply) => {
      await tasks.drop(callerOf(request), request.params.id);
      return reply.code(204).send();
    },
  );
}
