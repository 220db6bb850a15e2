import { get } from 'node:http';
import { get as getSecurely } from 'node:https';
import { readEnvironment } from '#config.ts';
import { isLoopback } from '#domain/config/network.ts';

/** Where each process of the stack tells how it is (compose.ts has the same number). */
const metricsPort = '9464';
/** The store has two seconds to commit; whoever asks gives up after that, and before the next question. */
const timeoutMs = 4000;

/**
 * Asks a running process whether it may serve or work: the health check of the containers, whose images have neither a shell nor curl.
 * Exit code 0: it answered with 200. 1: it did not, and standard error says what it answered.
 */
export async function health(options: { url?: string } = {}): Promise<void> {
  const port = readEnvironment().FORMSTEAD_METRICS_PORT || metricsPort;
  const url = options.url ?? `http://127.0.0.1:${port}/health/ready`;
  const { ok, said } = await ask(url);
  if (ok) console.log(said);
  else console.error(`${url}: ${said}`);
  process.exitCode = ok ? 0 : 1;
}

/** This machine's own process has its certificate for other names, from an authority that may be nobody else's. Nothing secret is sent. */
const trust = (host: string) => ({ rejectUnauthorized: !isLoopback(host.replace(/^\[(.*)\]$/, '$1')) });

function ask(url: string): Promise<{ ok: boolean; said: string }> {
  return new Promise((resolve) => {
    const failed = (err: Error) => resolve({ ok: false, said: err.message });
    let request: ReturnType<typeof get>;
    try {
      const options = { agent: false, timeout: timeoutMs } as const;
      const { protocol, hostname } = new URL(url);
      request = protocol === 'https:' ? getSecurely(url, { ...options, ...trust(hostname) }) : get(url, options);
    } catch (err) {
      return failed(err as Error);
    }
    request.on('timeout', () => request.destroy(new Error(`no answer within ${timeoutMs} ms`)));
    request.on('error', failed);
    request.on('response', (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        body = `${body}${part}`.slice(0, 1000);
      });
      response.on('error', failed);
      response.on('end', () => {
        const ok = response.statusCode === 200;
        resolve({ ok, said: ok ? body.trim() : `${response.statusCode} ${body.trim()}` });
      });
    });
  });
}
