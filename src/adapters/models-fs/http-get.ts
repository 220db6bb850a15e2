import { type IncomingMessage, request as plainRequest } from 'node:http';
import { request as secureRequest } from 'node:https';
import { AppError } from '#domain/errors.ts';

export type Network = {
  /** Certificates to trust instead of the system's; undefined: Node's own, NODE_EXTRA_CA_CERTS included. */
  ca?: readonly string[] | undefined;
  /** Milliseconds of waiting without a byte after which a connection counts as dead. */
  idleMs: number;
  /** Milliseconds before a try that failed is repeated, times the number of failures in a row. */
  pauseMs: number;
  signal?: AbortSignal | undefined;
};

export type Got = { status: number; headers: IncomingMessage['headers']; url: URL; body: IncomingMessage };

const mostRedirects = 5;

/** Nothing that opens a door: credentials and signed queries are left out. */
export function shownUrl(url: URL | string): string {
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname}`;
}

/** Of one without a host nobody knows which part is a password. */
function shownTarget(url: URL | null): string {
  if (url === null) return 'no URL';
  return url.host === '' ? url.protocol : shownUrl(url).slice(0, 100);
}

/** One GET, redirects followed, but never from https to http. Errors: `timeout` when no answer comes, `value-refused` for a redirect that leads nowhere good. */
export async function get(address: URL, headers: Record<string, string>, network: Network): Promise<Got> {
  let url = address;
  for (let i = 0; i <= mostRedirects; i += 1) {
    const body = await ask(url, headers, network);
    const { statusCode: status = 0, headers: answered } = body;
    if (![301, 302, 303, 307, 308].includes(status) || answered.location === undefined)
      return { status, headers: answered, url, body };
    // It may be without an end.
    body.destroy();
    const next = URL.parse(answered.location, url.href);
    const downgraded = url.protocol === 'https:' && next?.protocol !== 'https:';
    if (next === null || downgraded || !/^https?:$/.test(next.protocol))
      throw new AppError('value-refused', {
        detail: `${shownUrl(url)} redirects to where nothing may be fetched from: ${shownTarget(next)}`,
      });
    url = next;
  }
  throw new AppError('value-refused', { detail: `${shownUrl(address)} redirects more than ${mostRedirects} times.` });
}

function ask(url: URL, headers: Record<string, string>, network: Network): Promise<IncomingMessage> {
  const request = url.protocol === 'https:' ? secureRequest : plainRequest;
  return new Promise((resolve, reject) => {
    const sent = request(url, {
      headers: { 'user-agent': 'formstead', ...headers },
      ...(network.ca && { ca: [...network.ca] }),
      ...(network.signal && { signal: network.signal }),
    });
    sent.setTimeout(network.idleMs, () => sent.destroy(silence(network)));
    sent.once('response', (body) => {
      sent.setTimeout(0);
      // A connection that is cut before the body is read is told to the one who reads.
      body.on('error', () => {});
      resolve(body);
    });
    sent.once('error', (err) => reject(network.signal?.aborted ? stopped() : unanswered(url, err)));
    sent.end();
  });
}

const silence = ({ idleMs }: Network) => new Error(`no byte for ${idleMs / 1000} s`);

/** The body of an answer. Only waiting for its bytes counts as silence: a reader whose disk takes longer than `idleMs` has lost no connection. */
export async function* bytesOf({ body }: Got, network: Network): AsyncGenerator<Buffer> {
  let waiting = true;
  const limit = setTimeout(() => {
    // Timers run before sockets are read: after a long halt of this process the next bytes may be there already.
    if (waiting) setImmediate(() => waiting && body.destroy(silence(network)));
  }, network.idleMs);
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      waiting = false;
      yield chunk;
      waiting = true;
      limit.refresh();
    }
  } finally {
    waiting = false;
    clearTimeout(limit);
  }
}

export const stopped = () =>
  new AppError('conflict', { detail: 'Stopped. The same command again goes on where it was.' });

function unanswered(url: URL, err: NodeJS.ErrnoException): AppError {
  const { code, message } = err;
  const certificate = code !== undefined && /CERT|SIGNATURE|SELF_SIGNED/.test(code);
  const cure = certificate
    ? 'Name the certificate of your own authority in NODE_EXTRA_CA_CERTS.'
    : 'Check the network; behind a proxy set HTTPS_PROXY and NODE_USE_ENV_PROXY=1. Without a network: formstead models import.';
  return new AppError('timeout', {
    detail: `${shownUrl(url)} does not answer (${code ?? message}). ${cure}`,
    cause: err,
  });
}

/** The whole body as text. Errors: `value-refused` beyond `most` bytes, `timeout` when it is cut off, `conflict` when the signal stops it. */
export async function textOf(got: Got, most: number, network: Network): Promise<string> {
  const { url } = got;
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of bytesOf(got, network)) {
      bytes += chunk.length;
      if (bytes > most)
        throw new AppError('value-refused', { detail: `${shownUrl(url)} answers with more than ${most} bytes.` });
      chunks.push(chunk);
    }
  } catch (err) {
    if (err instanceof AppError) throw err;
    if (network.signal?.aborted) throw stopped();
    throw unanswered(url, err as Error);
  }
  return Buffer.concat(chunks).toString('utf8');
}
