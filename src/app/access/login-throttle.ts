import { createTurns } from '#domain/turns.ts';
import type { Cache } from '#ports/cache.ts';
import type { Clock } from '#ports/clock.ts';
import type { Log } from '#ports/log.ts';
import type { Metrics } from '#ports/metrics.ts';

export type LoginLimits = {
  /** Wrong passwords for one account in a window, after which the account is closed until the window ends. */
  perAccount: number;
  /** The same from one network, whatever the accounts. */
  perNetwork: number;
  windowMs: number;
};

/** Both are pseudonyms: the cache may be a server of its own, and needs to know nobody. */
export type Attempt = { account: string; network: string };

export type Attempted<T> =
  | { passed: T }
  /** `closed`: this failure was the last one that the limit allows. */
  | { failed: true; closed?: 'account' | 'network' }
  | { throttled: { retryAfterSeconds: number } };

/** From where a person has signed in stays known for this long. */
const knownMs = 30 * 86_400_000;

/**
 * Slows down guessing, without letting a guesser lock a person out for good:
 *
 * - Windows are fixed: attempts while one is closed are refused unseen and do not prolong it.
 * - A network from which the person has signed in before is counted apart, so strangers cannot close the account for it.
 * - Only passwords are throttled: whoever is signed in stays so, and goes on refreshing.
 * - A success forgives nothing: with an account of one's own one could else guess at others for ever.
 *
 * An account that does not exist counts like any other. When the cache fails, attempts pass: the queue of the password hasher still bounds their rate.
 */
export function createLoginThrottle(deps: {
  cache: Pick<Cache, 'get' | 'set' | 'hit'>;
  clock: Clock;
  metrics: Pick<Metrics, 'count'>;
  log: Log;
  limits: LoginLimits;
}) {
  const { cache, clock, metrics, log, limits } = deps;
  const oneByOne = createTurns();

  /** `check` resolves to undefined when the password is wrong. Errors: whatever `check` rejects with; such an attempt is not counted. */
  function attempt<T>(who: Attempt, check: () => Promise<T | undefined>): Promise<Attempted<T>> {
    // One at a time for each account: a hundred guesses at once would else all pass before the first of them is counted.
    return oneByOne(who.account, async () => {
      const knownKey = `login:known:${who.account}:${who.network}`;
      const known = (await orElse(undefined, () => cache.get(knownKey))) !== undefined;
      const account = known ? `account:${who.account}:${who.network}` : `account:${who.account}`;
      const network = `network:${who.network}`;
      const open = Math.max(await closedUntil(account), await closedUntil(network));
      if (open > clock.now()) return { throttled: { retryAfterSeconds: secondsUntil(open) } };
      const result = await check();
      if (result !== undefined) {
        await orElse(undefined, () => cache.set(knownKey, '1', knownMs));
        return { passed: result };
      }
      const [ofNetwork, ofAccount] = [
        await countFailure(network, limits.perNetwork),
        await countFailure(account, limits.perAccount),
      ];
      return { failed: true, closed: ofAccount ? 'account' : ofNetwork ? 'network' : undefined };
    });
  }

  async function closedUntil(counter: string): Promise<number> {
    const until = Number((await orElse(undefined, () => cache.get(`login:closed:${counter}`))) ?? 0);
    const now = clock.now();
    // Nobody is closed out for longer than a window: the clock was set back since, and by it the account would stay closed for as long as the step.
    if (until - now > limits.windowMs) return 0;
    if (until > now) {
      metrics.count('formstead_rate_limited_total', {
        limit: counter.startsWith('network') ? 'login-network' : 'login-account',
      });
    }
    return until;
  }

  /** Whether this failure closes the counter. */
  async function countFailure(counter: string, max: number): Promise<boolean> {
    return orElse(false, async () => {
      const now = clock.now();
      const { count, resetAt } = await cache.hit(`login:failed:${counter}`, limits.windowMs, now);
      if (count < max) return false;
      await cache.set(`login:closed:${counter}`, String(resetAt), resetAt - now);
      return count === max;
    });
  }

  function secondsUntil(at: number): number {
    return Math.max(1, Math.ceil((at - clock.now()) / 1000));
  }

  async function orElse<T>(fallback: T, ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (err) {
      log.warn({ err }, 'login throttle not checked, the cache failed');
      return fallback;
    }
  }

  return { attempt };
}
