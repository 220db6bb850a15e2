import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Log } from '#ports/log.ts';

export type MetricsText = { text(): Promise<{ contentType: string; body: string }> };

/**
 * Serves `GET /metrics`, `/health` (the process runs) and `/health/ready` (and its store can commit), on a port of its own that no proxy exposes: workers have
 * no other. Port 0 takes a free one.
 * Errors: rejects when the port cannot be had.
 */
export async function startMetricsServer(deps: {
  host: string;
  port: number;
  metrics: MetricsText;
  log: Log;
  shuttingDown: () => boolean;
  /** Rejects when the store cannot commit. */
  ready: () => Promise<void>;
}): Promise<{ port: number; close(): Promise<void> }> {
  const server = createServer(
    { requestTimeout: 5000, headersTimeout: 5000, keepAliveTimeout: 30_000 },
    (request, response) => {
      request.resume();
      const answer = (status: number, contentType: string, body: string) => {
        response.writeHead(status, {
          'content-type': contentType,
          'cache-control': 'no-store',
          'x-content-type-options': 'nosniff',
        });
        response.end(request.method === 'HEAD' ? undefined : body);
      };
      const path = request.url?.split('?')[0];
      if (path !== '/metrics' && path !== '/health' && path !== '/health/ready')
        return answer(404, 'text/plain', 'not found\n');
      if (request.method !== 'GET' && request.method !== 'HEAD') {
        response.setHeader('allow', 'GET, HEAD');
        return answer(405, 'text/plain', 'method not allowed\n');
      }
      const health = (code: number, status: string) =>
        answer(code, 'application/json', `${JSON.stringify({ status })}\n`);
      if (path === '/health') return health(200, 'ok');
      if (path === '/health/ready') {
        if (deps.shuttingDown()) return health(503, 'shutting-down');
        return void deps.ready().then(
          () => health(200, 'ready'),
          () => health(503, 'not-ready'),
        );
      }
      deps.metrics.text().then(
        ({ contentType, body }) => answer(200, contentType, body),
        (err: unknown) => {
          deps.log.error({ err }, 'metrics could not be collected');
          answer(500, 'text/plain', 'metrics could not be collected\n');
        },
      );
    },
  );
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen(deps.port, deps.host, resolve);
  await promise;
  server.off('error', reject);
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((closed) => {
        server.close(() => closed());
        server.closeAllConnections();
      }),
  };
}
