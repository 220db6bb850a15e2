import { connect } from 'node:net';
import type { TestContext } from 'node:test';
import type { FastifyInstance } from 'fastify';
import type { Actor } from '#domain/actor.ts';
import { createServer, type Server, type ServerDeps } from '#http/server.ts';
import type { Log } from '#ports/log.ts';
import type { Metrics } from '#ports/metrics.ts';

export type LogLine = { level: string; message: string; [field: string]: unknown };

export function recordingLog(lines: LogLine[]): Log {
  const at = (level: string) => (fields: object, message: string) => void lines.push({ ...fields, level, message });
  const log: Log = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error'), child: () => log };
  return log;
}

export type Measured = { name: string; labels: Record<string, string>; value: number };

export function recordingMetrics(measured: Measured[]): Pick<Metrics, 'count' | 'observe'> {
  return {
    count: (name, labels, by = 1) => void measured.push({ name, labels, value: by }),
    observe: (name, labels, value) => void measured.push({ name, labels, value }),
  };
}

const actors: Record<string, Actor> = {
  admin: { kind: 'user', id: 'usr_1', role: 'admin', sessionId: 'ses_1' },
  viewer: { kind: 'user', id: 'usr_2', role: 'viewer', sessionId: 'ses_2' },
  reader: { kind: 'token', id: 'tok_1', scopes: ['forms:read'] },
};

/** The server with the routes of one test; a bearer token is the name of an actor: admin, viewer, reader. Closed when the test ends. */
export function serverWith(t: TestContext, register: (api: FastifyInstance) => void, over: Partial<ServerDeps> = {}) {
  const lines: LogLine[] = [];
  const measured: Measured[] = [];
  const state = { shuttingDown: false };
  const server: Server = createServer({
    log: recordingLog(lines),
    metrics: recordingMetrics(measured),
    authenticate: async (token) => actors[token],
    health: { checks: {}, clock: { now: () => Date.now() }, startedAt: Date.now() },
    version: '0.0.0',
    trustedProxies: [],
    shuttingDown: () => state.shuttingDown,
    register,
    ...over,
  });
  // Closing one that never started rejects with the reason, which the test has seen.
  t.after(() => {
    server.cutOff();
    return server.close().then(undefined, () => {});
  });
  return { server, lines, measured, state };
}

/** Sends `chunks` over a bare socket, `pauseMs` apart and each not before it is there, and resolves with everything that came back until the server closed or `waitMs` passed. */
export async function rawExchange(
  port: number,
  chunks: (string | Promise<string>)[],
  { pauseMs = 0, waitMs = 5000 } = {},
): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let received = '';
  socket.on('data', (data) => {
    received += data.toString('latin1');
  });
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.on('error', () => {});
  const late = new Promise<void>((resolve) => setTimeout(resolve, waitMs).unref());
  for (const chunk of chunks) {
    if (socket.destroyed) break;
    socket.write(await chunk);
    if (pauseMs > 0) await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, pauseMs))]);
  }
  await Promise.race([closed, late]);
  socket.destroy();
  return received;
}
