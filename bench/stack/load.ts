import { Agent, request } from 'node:https';
import autocannon from 'autocannon';

/** Where nginx listens, the name and authority of its certificate. */
export type Target = { address: string; host: string; ca: Buffer };
/** Acknowledged a second, milliseconds, the ids that were acknowledged, and what the other answers were. */
export type Figures = { rate: number; p50: number; p95: number; ids: string[]; refused: string[] };

const headers = (host: string) => ({ host, 'content-type': 'application/json' });

function figures(seconds: number, latencies: number[], ids: string[], refused: string[]): Figures {
  if (ids.length === 0) throw new Error(`nothing was acknowledged: ${refused[0]}`);
  const sorted = latencies.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.ceil(sorted.length * share) - 1]!;
  return { rate: ids.length / seconds, p50: at(0.5), p95: at(0.95), ids, refused };
}

/** As many users as connections, each of whom sends again as soon as the answer is there. Errors: nothing is acknowledged. */
export async function users(
  { address, host, ca }: Target,
  options: { path: string; body: string; connections: number; seconds: number },
): Promise<Figures> {
  const ids: string[] = [];
  const refused: string[] = [];
  const latencies: number[] = [];
  const result = await autocannon({
    url: `https://${address}:8443`,
    connections: options.connections,
    duration: options.seconds,
    timeout: 30,
    tlsOptions: { ca: [ca], servername: host },
    setupClient: (client) => {
      client.on('response', (_status, _bytes, milliseconds) => latencies.push(milliseconds));
    },
    requests: [
      {
        method: 'POST',
        path: options.path,
        headers: headers(host),
        body: options.body,
        onResponse: (status, body) => {
          if (status === 202) ids.push(JSON.parse(body).response_id);
          else refused.push(`${status} ${body}`);
        },
      },
    ],
  });
  for (let lost = 0; lost < result.errors; lost += 1) refused.push('no answer');
  return figures(result.duration, latencies, ids, refused);
}

/**
 * An open model: a request at each tick, whatever became of those before, over up to so many connections. A latency counts from the tick, so that what had to
 * wait for a connection, or for this process, waited. Errors: nothing is acknowledged.
 */
export async function constantRate(
  { address, host, ca }: Target,
  options: { path: string; body: string; connections: number; seconds: number; perSecond: number },
): Promise<Figures> {
  const agent = new Agent({
    keepAlive: true,
    maxSockets: options.connections,
    ca,
    servername: host,
    scheduling: 'fifo',
  });
  const ids: string[] = [];
  const latencies: number[] = [];
  const refused: string[] = [];
  const from = performance.now();
  const send = (at: number) =>
    new Promise<void>((resolve) => {
      const sent = request(
        { ...{ agent, host: address, port: 8443, path: options.path, method: 'POST' }, headers: headers(host) },
        (response) => {
          let text = '';
          response.setEncoding('utf8').on('data', (part: string) => {
            text += part;
          });
          response.on('end', () => {
            latencies.push(performance.now() - at);
            if (response.statusCode === 202) ids.push(JSON.parse(text).response_id);
            else refused.push(`${response.statusCode} ${text}`);
            resolve();
          });
        },
      );
      sent.on('error', (err) => {
        refused.push(String(err));
        resolve();
      });
      sent.end(options.body);
    });
  const underWay: Promise<void>[] = [];
  const total = options.perSecond * options.seconds;
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      const due = Math.min(total, Math.floor(((performance.now() - from) / 1000) * options.perSecond));
      while (underWay.length < due) underWay.push(send(from + (underWay.length * 1000) / options.perSecond));
      if (underWay.length < total) return;
      clearInterval(timer);
      resolve();
    }, 1);
  });
  await Promise.all(underWay);
  agent.destroy();
  return figures((performance.now() - from) / 1000, latencies, ids, refused);
}
