import {
  afterEvent,
  type BreakerEvent,
  type BreakerState,
  breakerRules,
  closedBreaker,
  mayTry,
} from '#domain/webhook/breaker.ts';
import type { Clock } from '#ports/clock.ts';
import type { Committed, Storage } from '#ports/storage.ts';
import type { Cause } from '../understanding.ts';

type Deps = {
  storage: Pick<Storage, 'commit' | 'get'>;
  clock: Clock;
  /** Time limit of one request. */
  timeoutMs: number;
};

/** `later`: the breaker is open or another attempt probes; worth asking again at `until`. */
export type Turn = { turn: 'now' } | { turn: 'later'; until: number } | { turn: 'lease-lost' };

/** Another attempt to the same endpoint is probing it just now. */
const probeBusyMs = 1_000;
/** Until a probe counts as lost, beyond the time limit of its request. */
const probeSlackMs = 15_000;

/**
 * The circuit breakers of the endpoints and of the SMTP server (each by its id), kept in the store: a restart does not forget them, and every process sees the same. Each write names the lease of
 * the attempt it comes from, so that a worker which slept through its own moves nothing; a probe it had begun counts as lost after a while.
 */
export function createBreakers({ storage, clock, timeoutMs }: Deps) {
  const rules = { ...breakerRules, probeMs: Math.max(breakerRules.probeMs, timeoutMs + probeSlackMs) };

  /** Asked before an attempt. After a cool-down one attempt gets through: the compare-and-set decides which. */
  async function takeTurn(cause: Cause, endpointId: string): Promise<Turn> {
    const now = clock.now();
    const { state, revision } = await read(endpointId);
    const answer = mayTry(state, now);
    if (!answer.yes) return { turn: 'later', until: answer.until };
    const next = afterEvent(state, 'try', now, rules);
    if (next === state) return { turn: 'now' };
    const outcome = await write(cause, endpointId, next, revision);
    if (outcome === 'lease-lost') return { turn: 'lease-lost' };
    return outcome === 'committed' ? { turn: 'now' } : { turn: 'later', until: now + probeBusyMs };
  }

  /** Told after an attempt. Losing a race here loses one count of a failure; the next attempt counts again. */
  async function tell(cause: Cause, endpointId: string, event: BreakerEvent | undefined): Promise<void> {
    if (event === undefined) return;
    const { state, revision } = await read(endpointId);
    const next = afterEvent(state, event, clock.now(), rules);
    const same =
      next === state || (next.phase === 'closed' && state.phase === 'closed' && next.failures === state.failures);
    if (!same) await write(cause, endpointId, next, revision);
  }

  async function read(endpointId: string): Promise<{ state: BreakerState; revision: number | undefined }> {
    const stored = await storage.get('breaker', endpointId);
    return { state: stored?.doc.state ?? closedBreaker, revision: stored?.revision };
  }

  async function write(
    cause: Cause,
    endpointId: string,
    state: BreakerState,
    expect: number | undefined,
  ): Promise<Committed['outcome']> {
    const doc = { id: endpointId, state };
    const change =
      expect === undefined
        ? ({ op: 'insert', kind: 'breaker', doc } as const)
        : ({ op: 'update', kind: 'breaker', doc, expect } as const);
    return (await storage.commit({ change, cause })).outcome;
  }

  return { takeTurn, tell };
}
