import { setTimeout as pause } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import type { Tasks } from '#app/tasks.ts';
import { may } from '#domain/actor.ts';
import { AppError } from '#domain/errors.ts';
import { isFinished } from '#domain/task.ts';
import type { Metrics } from '#ports/metrics.ts';
import { contentOf } from '../schemas/common.ts';
import { taskParams } from '../schemas/tasks.ts';
import { publicTaskView, taskView } from '../views.ts';

type Deps = { tasks: Tasks; metrics: Pick<Metrics, 'gauge'>; maxStreams: number; shuttingDown: () => boolean };

/** The store is looked at this often: a stream costs two indexed reads a second. */
const lookEveryMs = 500;
/** Proxies close what is silent for a minute. */
const commentEveryMs = 15_000;
/** A client that wants more opens another: no stream is held for ever. */
const longestMs = 30 * 60_000;

/** The state of a task as server-sent events: one now, one at each change, the last at its end. */
export function taskEventRoutes(api: FastifyInstance, { tasks, metrics, maxStreams, shuttingDown }: Deps): void {
  let open = 0;
  metrics.gauge('formstead_http_event_streams', {}, () => open);

  api.get<{ Params: { id: string } }>(
    '/tasks/:id/events',
    {
      config: { public: true, recogniseActor: true, problems: ['task-not-found', 'too-many-streams'] },
      schema: {
        tags: ['tasks'],
        summary: 'Follow a task as server-sent events (event: task) until it ends',
        params: taskParams,
        response: {
          200: contentOf('Events; the data of each is the task as GET /tasks/{id} shows it.', 'text/event-stream'),
        },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const view = may(request.actor, 'tasks:read') ? taskView : publicTaskView;
      let task = await tasks.get(id);
      // Nothing is awaited between the look and the count: of many that come at once, no more than fit get in.
      if (open >= maxStreams) throw new AppError('too-many-streams', { retryAfterSeconds: 5 });
      const closed = new AbortController();
      reply.hijack();
      const { raw } = reply;
      raw.on('close', () => closed.abort());
      // It may have gone while the task was being read, and then it does not say so again.
      if (raw.closed) closed.abort();
      raw.writeHead(200, {
        'content-type': 'text/event-stream',
        'cache-control': 'no-store',
        'access-control-allow-origin': '*',
        // Nothing follows on it, and a stop need not wait for it.
        connection: 'close',
        'x-accel-buffering': 'no',
        'x-content-type-options': 'nosniff',
        'x-request-id': request.id,
      });
      open += 1;
      try {
        const startedAt = performance.now();
        let lastSent = '';
        let lastWrite = startedAt;
        for (;;) {
          const data = JSON.stringify(view(task));
          if (data !== lastSent) {
            raw.write(`event: task\ndata: ${data}\n\n`);
            lastSent = data;
            lastWrite = performance.now();
          } else if (performance.now() - lastWrite > commentEveryMs) {
            raw.write(': still here\n\n');
            lastWrite = performance.now();
          }
          if (isFinished(task.status) || shuttingDown() || performance.now() - startedAt > longestMs) break;
          await pause(lookEveryMs, undefined, { signal: closed.signal });
          task = await tasks.get(id);
        }
      } catch (err) {
        // The client went away, or the task was pruned while it was watched: either way the stream is over.
        if (!closed.signal.aborted && !(err instanceof AppError)) throw err;
      } finally {
        open -= 1;
        raw.end();
      }
    },
  );
}
