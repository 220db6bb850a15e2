import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingHttpHeaders } from 'node:http';

/*
 * The other side of a webhook, in a process of its own: checks each signature as Standard Webhooks 1.0.0 has it, by nothing but node:crypto,
 * and tells its parent what came. The secret arrives as a message once the endpoint has been made.
 */
export type Received = { webhookId: string; good: boolean; type: string; responseId: string | undefined };

let secret: Buffer | undefined;
const toleranceSeconds = 300;

process.on('message', (message: { secret: string }) => {
  secret = Buffer.from(message.secret.replace(/^whsec_/, ''), 'base64');
});
process.on('disconnect', () => process.exit(0));

function isGood(headers: IncomingHttpHeaders, body: string): boolean {
  const id = String(headers['webhook-id']);
  const timestamp = String(headers['webhook-timestamp']);
  if (!secret || Math.abs(Date.now() / 1000 - Number(timestamp)) > toleranceSeconds) return false;
  const expected = createHmac('sha256', secret).update(`${id}.${timestamp}.${body}`).digest();
  return String(headers['webhook-signature'])
    .split(' ')
    .filter((signature) => signature.startsWith('v1,'))
    .map((signature) => Buffer.from(signature.slice(3), 'base64'))
    .some((given) => given.length === expected.length && timingSafeEqual(given, expected));
}

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const body = Buffer.concat(chunks).toString('utf8');
    const good = isGood(request.headers, body);
    // What is not signed may be anything, from anybody.
    const event = (good ? JSON.parse(body) : { type: '', data: {} }) as { type: string; data: { id?: string } };
    process.send?.({
      webhookId: String(request.headers['webhook-id']),
      good,
      type: event.type,
      responseId: event.data.id,
    } satisfies Received);
    response.writeHead(good ? 204 : 401).end();
  });
});
// With a port it is reached from elsewhere.
const port = process.argv[2];
server.on('error', (err) => {
  console.error(`receiver: ${err.message}`);
  process.exit(1);
});
server.listen(Number(port ?? 0), port === undefined ? '127.0.0.1' : undefined, () =>
  process.send?.({ port: (server.address() as { port: number }).port }),
);
