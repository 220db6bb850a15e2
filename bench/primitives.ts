/**
 * What the small things cost that every request or response uses. Run: node bench/primitives.ts
 * Each line is the best of five rounds, on one core, single-threaded unless it says otherwise.
 */
import { pino } from 'pino';
import { v7 } from 'uuid';
import { createIds } from '../src/adapters/ids-uuid/ids.ts';
import { createKeyRing } from '../src/adapters/keyring-node/key-ring.ts';
import { createLog } from '../src/adapters/log-pino/log.ts';
import { redactedNames } from '../src/adapters/log-pino/redact.ts';
import { createPasswordHasher } from '../src/adapters/passwords-argon2/password-hasher.ts';
import { createAccessTokens } from '../src/adapters/tokens-jose/access-tokens.ts';
import { loadConfig } from '../src/config.ts';

const clock = { now: () => Date.now() };
const keyRing = createKeyRing({ current: 'a benchmark needs no secret at all' });

async function measure(name: string, count: number, once: () => unknown): Promise<void> {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 5; round++) {
    const started = performance.now();
    for (let i = 0; i < count; i++) {
      const result = once();
      if (result instanceof Promise) await result;
    }
    best = Math.min(best, performance.now() - started);
  }
  const microseconds = (best * 1000) / count;
  console.log(
    `${name.padEnd(46)} ${microseconds.toFixed(2).padStart(10)} µs ${Math.round(1e6 / microseconds)
      .toLocaleString('en')
      .padStart(11)}/s`,
  );
}

const ids = createIds({ clock });
await measure('id: ours (pooled random bytes)', 500_000, () => ids.next('rsp'));
await measure('id: uuid v7 alone', 200_000, () => `rsp_${v7()}`);

const line = { deliveryId: 'dlv_1', attempt: 1, ms: 12.5, req: { headers: { a: 'b' } } };
const log = createLog({ level: 'info', clock, destination: { write: () => undefined } });
await measure('log line (into nothing)', 100_000, () => log.info(line, 'line'));
const paths = [...redactedNames].flatMap((name) => [`["${name}"]`, `*["${name}"]`, `*.*["${name}"]`]);
const byPaths = pino({ redact: { paths } }, { write: () => undefined });
await measure("log line with pino's redact by paths", 20_000, () => byPaths.info(line, 'line'));
await measure('log line below the level', 1_000_000, () => log.debug({ deliveryId: 'dlv_1' }, 'line'));

await measure('key ring: hmac', 100_000, () => keyRing.hmac('cursors', 'a cursor of some forty characters or so.'));
await measure('key ring: Ed25519 sign', 5000, () => keyRing.sign('receipts', 'head'));
const { keyId, signature } = keyRing.sign('receipts', 'head');
await measure('key ring: Ed25519 verify', 5000, () => keyRing.verify('receipts', keyId, 'head', signature));
await measure('key ring: seal', 50_000, () =>
  keyRing.seal('webhook-secrets', 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'whe_1'),
);
const sealed = keyRing.seal('webhook-secrets', 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'whe_1');
await measure('key ring: open', 50_000, () => keyRing.open('webhook-secrets', sealed, 'whe_1'));

const tokens = createAccessTokens({ keyRing, clock, lifeSeconds: 3600 });
const { token } = await tokens.issue({ userId: ids.next('usr'), sessionId: ids.next('ses'), role: 'admin' });
await measure('access token: issue', 5000, () => tokens.issue({ userId: 'usr_1', sessionId: 'ses_1', role: 'admin' }));
await measure('access token: verify, one after the other', 5000, () => tokens.verify(token));
await measure('access token: verify, 50 at once (per 50)', 100, () =>
  Promise.all(Array.from({ length: 50 }, () => tokens.verify(token))),
);

const hasher = createPasswordHasher({ atOnce: 2 });
const stored = await hasher.hash('marmalade-otter-57');
await measure('password: verify (19 MiB, 2 passes)', 5, () => hasher.verify('marmalade-otter-57', stored));
await measure('password: verify, two at once (per 2)', 3, () =>
  Promise.all([hasher.verify('x', stored), hasher.verify('x', stored)]),
);

await measure('configuration: load', 200, () => loadConfig({}));
