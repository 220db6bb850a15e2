import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type FastifyRequest, fastify } from 'fastify';
import { AppError, type ErrorCode } from '#domain/errors.ts';
import { createCauseLog } from './cause-log.ts';
import { submissionRoutes } from './routes/responses.ts';

const request = { id: 'req_1', method: 'GET', routeOptions: { url: '/exports/:id' } } as FastifyRequest;

function world() {
  const lines: Record<string, unknown>[] = [];
  const clock = { time: 0 };
  const tell = createCauseLog({ warn: (fields, message) => void lines.push({ ...fields, message }) }, () => clock.time);
  const refuse = (cause: unknown, code: ErrorCode = 'storage-unavailable') =>
    tell(request, new AppError(code, { cause }));
  return { lines, clock, refuse };
}
const failure = (code: unknown, message: string, cause?: unknown) =>
  Object.assign(new Error(message, { cause }), { code });

test('the cause of a 503 is told by its name, its code and its message, and so is the cause of that', () => {
  const { lines, refuse } = world();
  refuse(new TypeError('cannot write', { cause: failure('EROFS', 'EROFS: read-only file system, open') }));
  assert.deepEqual(lines, [
    {
      message: 'request refused with 503',
      code: 'storage-unavailable',
      causes: ['TypeError: cannot write', 'Error EROFS: EROFS: read-only file system, open'],
      unlogged: 0,
      requestId: 'req_1',
      method: 'GET',
      route: '/exports/:id',
    },
  ]);
});

test('a browser that gets a page instead of a problem is told of in the log as well', async () => {
  const lines: Record<string, unknown>[] = [];
  const app = fastify();
  const form = () => Promise.reject(new AppError('storage-unavailable', { cause: failure('EIO', 'i/o error') }));
  submissionRoutes(app, {
    catalog: { form },
    metrics: { count() {} },
    limits: { limitPer: () => async () => {} },
    log: { warn: (fields: object) => void lines.push({ ...fields }) },
    bodyBytes: 1000,
  } as never);
  const answer = await app.inject({
    method: 'POST',
    url: '/forms/frm_01980f2e-7c1a-7b3e-9d55-0f4c2a6b8e10/responses',
    headers: { accept: 'text/html', 'content-type': 'application/x-www-form-urlencoded' },
    payload: 'name=Ada',
  });
  assert.deepEqual([answer.statusCode, answer.headers['content-type']], [503, 'text/html; charset=utf-8']);
  assert.deepEqual(
    lines.map(({ causes }) => causes),
    [['Error EIO: i/o error']],
  );
});

test('what has no cause, or another status, is not told', () => {
  const { lines, refuse } = world();
  refuse(undefined);
  refuse('a word');
  refuse(new Error('of the question'), 'query-failed');
  assert.deepEqual(lines, []);
});

test('one kind of cause is told once in ten seconds, and then how many were not; another at once', () => {
  const { lines, clock, refuse } = world();
  for (let i = 0; i < 1000; i += 1) refuse(failure('ENOSPC', `no space for file ${i}`));
  refuse(failure('EIO', 'i/o error'));
  clock.time = 10_000;
  refuse(failure('ENOSPC', 'no space'));
  assert.deepEqual(
    lines.map(({ causes, unlogged }) => [causes, unlogged]),
    [
      [['Error ENOSPC: no space for file 0'], 0],
      [['Error EIO: i/o error'], 0],
      [['Error ENOSPC: no space'], 999],
    ],
  );
});

test('neither the fields of an error nor the message of a database server come into the log, and a circle of causes ends', () => {
  const { lines, refuse } = world();
  const server = failure(11000, 'E11000 dup key: { email: "ada@example.org" }');
  refuse(Object.assign(failure('X', 'refused', server), { document: { answers: { name: 'Ada' } } }));
  const circle = new Error('round');
  circle.cause = circle;
  refuse(circle);
  assert.deepEqual(
    lines.map(({ causes }) => causes),
    [
      ['Error X: refused', 'Error 11000'],
      ['Error: round', 'Error: round', 'Error: round', 'Error: round'],
    ],
  );
});
