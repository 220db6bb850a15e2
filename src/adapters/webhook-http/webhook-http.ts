import { lookup } from 'node:dns/promises';
import type { SendOutcome } from '#domain/webhook/outcome.ts';
import type { UrlCheck, WebhookRequest, WebhookTransport } from '#ports/webhook-transport.ts';
import type { Phase, Result } from './exchange.ts';
import { createGuard } from './guard.ts';
import { parseTarget, type Resolve, type ResolvedAddress, resolveTarget, type Target } from './target.ts';

const defaultTimeoutMs = 15_000;
/** Somebody waits for the answer while an endpoint is created. */
const checkTimeoutMs = 2_000;

/**
 * Webhook transport on node:http and node:https.
 * - `allow`: networks (CIDR) or addresses inside the house that may be reached all the same; throws when one is malformed
 * - `resolve`: the name lookup, by default the system's (it reads /etc/hosts as well)
 * - `maxAnswerBytes`: read at most (64 kB), `keepBytes`: kept as text (1 kB)
 */
export function createWebhookHttp(options: {
  allow: readonly string[];
  resolve?: Resolve;
  maxAnswerBytes?: number;
  keepBytes?: number;
  userAgent?: string;
}): WebhookTransport {
  const { resolve = systemResolve, maxAnswerBytes = 65_536, keepBytes = 1024, userAgent = 'Formstead' } = options;
  const guard = createGuard(options.allow);

  async function attempt(request: WebhookRequest, limit: Limit): Promise<Result> {
    const target = await unlessStopped(resolveTarget(request.url, { guard, resolve }), limit.signal);
    if (target === 'stopped') return limit.stopped('while looking up the name');
    if (!target.ok) return { kind: target.kind, detail: target.detail };
    // Not before the first webhook: whoever imports node:http loads undici too, 4 MB (bench/start.ts).
    const { exchange } = await import('./exchange.ts');
    return await exchange({
      url: target.url,
      addresses: target.addresses,
      headers: {
        'content-type': 'application/json',
        'user-agent': userAgent,
        // Compressed, the kept first bytes would not be readable.
        'accept-encoding': 'identity',
        ...request.headers,
        'content-length': String(Buffer.byteLength(request.body)),
      },
      body: request.body,
      signal: limit.signal,
      stopped: limit.stopped,
      maxAnswerBytes,
      keepBytes,
    });
  }

  async function send(request: WebhookRequest): Promise<SendOutcome> {
    const startedAt = performance.now();
    const limit = startLimit(request.timeoutMs ?? defaultTimeoutMs, request.signal);
    try {
      const result = await attempt(request, limit);
      return { ...result, durationMs: Math.round(performance.now() - startedAt) };
    } finally {
      limit.end();
    }
  }

  async function checkUrl(text: string): Promise<UrlCheck> {
    const parsed = parseTarget(text);
    if (!parsed.ok) return parsed;
    const limit = startLimit(checkTimeoutMs);
    try {
      const target = await unlessStopped(resolveTarget(text, { guard, resolve }), limit.signal);
      if (target !== 'stopped' && !target.ok && target.kind === 'refused-by-guard') {
        return { ok: false, refused: target.refused, detail: target.detail };
      }
      return { ok: true, url: parsed.url.href };
    } finally {
      limit.end();
    }
  }

  return { send, checkUrl };
}

type Limit = { signal: AbortSignal; stopped: (phase: Phase) => Result; end(): void };

/** One limit over everything: the time and the caller's signal stop whatever goes on, and `stopped` says which of the two it was. */
function startLimit(timeoutMs: number, outer?: AbortSignal): Limit {
  const controller = new AbortController();
  const cancel = () => controller.abort('cancelled');
  const timer = setTimeout(() => controller.abort('timeout'), timeoutMs);
  if (outer?.aborted) cancel();
  else outer?.addEventListener('abort', cancel, { once: true });
  return {
    signal: controller.signal,
    stopped: (phase) =>
      controller.signal.reason === 'timeout'
        ? { kind: 'timeout', detail: `over ${timeoutMs} ms ${phase}` }
        : { kind: 'cancelled', detail: `stopped ${phase}` },
    end() {
      clearTimeout(timer);
      outer?.removeEventListener('abort', cancel);
    },
  };
}

/** A system lookup cannot be stopped; it is left to end on its own. */
function unlessStopped(work: Promise<Target>, signal: AbortSignal): Promise<Target | 'stopped'> {
  return new Promise((resolve, reject) => {
    const stop = () => resolve('stopped');
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}

async function systemResolve(hostname: string): Promise<ResolvedAddress[]> {
  const found = await lookup(hostname, { all: true, order: 'verbatim' });
  return found.map(({ address, family }) => ({ address, family: family === 6 ? 6 : 4 }));
}
