import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';

export type Received = {
  headers: IncomingHttpHeaders;
  body: string;
  /** The parsed body. */
  // biome-ignore lint/suspicious/noExplicitAny: a body is looked into, and a wrong guess fails the test.
  event: any;
};

/** A receiver of webhooks on this machine. `answer` decides the status of each request, 204 by default. */
export async function startReceiver(
  answer: (received: Received, nth: number) => number | [number, object] = () => 204,
) {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString('utf8');
      const one: Received = { headers: request.headers, body, event: JSON.parse(body) };
      received.push(one);
      const verdict = answer(one, received.length);
      const [status, headers] = Array.isArray(verdict) ? verdict : [verdict, {}];
      response
        .writeHead(status, { 'content-type': 'text/plain', ...headers })
        .end(status < 300 ? undefined : `no, ${status}`);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    received,
    /** Whether the package that receivers use accepts the signature of a request under this secret. */
    genuine(one: Received, secret: string): boolean {
      try {
        new Webhook(secret).verify(one.body, one.headers as Record<string, string>);
        return true;
      } catch {
        return false;
      }
    },
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
