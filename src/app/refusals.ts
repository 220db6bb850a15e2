import { dayIn } from '#domain/day.ts';
import { dayBounds, daysFrom } from '#domain/day-bounds.ts';
import { AppError, type Issue } from '#domain/errors.ts';
import type { CompiledForm } from '#domain/form/compiled.ts';
import { type RefusalStats, refusalStats } from '#domain/refusal-stats.ts';
import {
  countIn,
  failuresOf,
  type Refusals,
  refusalDays,
  refusalsAt,
  refusalsId,
  type Tally,
  totalOf,
  withTally,
} from '#domain/refusals.ts';
import type { Clock } from '#ports/clock.ts';
import type { Ids } from '#ports/ids.ts';
import type { Log } from '#ports/log.ts';
import type { Storage } from '#ports/storage.ts';
import { every } from './every.ts';
import { formOf } from './form-versions.ts';

type Deps = {
  storage: Pick<Storage, 'get' | 'commit' | 'list' | 'responses'>;
  clock: Clock;
  ids: Pick<Ids, 'randomBytes'>;
  log: Pick<Log, 'warn'>;
  timeZone: string;
  /** Counts of fewer responses are not told. 1: all are. */
  leastGroup: number;
};

/** Days of the range, both taken in, as `YYYY-MM-DD`: the last 30 when they are left out. */
export type RefusalWish = { formId: string; from?: string | undefined; to?: string | undefined };

const daysByDefault = 30;
/** Of all forms and days together, in memory while the store is away. What is beyond them is not counted, and said once the store is back. */
const mostPairs = 50_000;
/** Each round of conflicts has a winner, so this is enough for as many processes; else the next flush goes on. */
const mostConflicts = 20;

/**
 * Responses that a form refused because their answers did not fit, counted by question and code. The request pays for some additions in a map; a flush, called every
 * few seconds and at the end, adds them to the document of the form and the day, in which all processes add up. A kill loses what came after the last flush.
 */
export function createRefusals(deps: Deps) {
  const { storage, clock } = deps;
  const own = Buffer.from(deps.ids.randomBytes(12)).toString('base64url');
  let tallies = 0;
  let open = new Map<string, Tally>();
  /** They go into the store as they are, under their numbers, until it has said that it has them: a write whose answer was lost is no second one. */
  let closed: Tally[] = [];
  let pairs = 0;
  let uncounted = 0;
  let current: Promise<void> = Promise.resolve();
  let next: Promise<void> | undefined;

  /** Counts one response that was refused for these issues. Never throws, waits for nothing: 1.5 µs, of 500 questions and 100 issues 52 µs (bench/validate.ts). */
  function count(formId: string, compiled: CompiledForm, issues: readonly Issue[]): void {
    if (pairs >= mostPairs) {
      uncounted += 1;
      return;
    }
    const tally = tallyOf(formId, dayIn(deps.timeZone, clock.now()));
    const before = tally.questions.size;
    tally.refused += 1;
    countIn(tally.questions, failuresOf(compiled, issues));
    pairs += tally.questions.size - before;
  }

  function tallyOf(formId: string, day: string): Tally {
    const key = refusalsId(formId, day);
    let tally = open.get(key);
    if (!tally) {
      tallies += 1;
      tally = { by: own, number: tallies, formId, day, refused: 0, questions: new Map() };
      open.set(key, tally);
    }
    return tally;
  }

  /** Writes what was counted before the call. Never rejects: what cannot be written stays for the next one. Calls that wait for their turn share it. */
  function flush(): Promise<void> {
    next ??= current.then(() => {
      next = undefined;
      current = write();
      return current;
    });
    return next;
  }

  async function write(): Promise<void> {
    try {
      await writeClosed();
      closed = [...open.values()];
      open = new Map();
      await writeClosed();
      if (uncounted > 0) deps.log.warn({ responses: uncounted }, 'refused responses were not counted');
      uncounted = 0;
    } catch (err) {
      deps.log.warn({ err }, 'counts of refused responses not written, tried again');
    }
  }

  async function writeClosed(): Promise<void> {
    for (let tally = closed[0]; tally !== undefined; tally = closed[0]) {
      await add(tally);
      closed.shift();
      pairs -= tally.questions.size;
    }
  }

  /** Errors: those of the store, and `storage-unavailable` when others were always faster. */
  async function add(tally: Tally): Promise<void> {
    for (let turn = 0; turn < mostConflicts; turn += 1) {
      const found = await storage.get('refusals', refusalsId(tally.formId, tally.day));
      const doc = withTally(found?.doc, tally);
      if (doc === undefined) return;
      const change = found
        ? ({ op: 'update', kind: 'refusals', doc, expect: found.revision } as const)
        : ({ op: 'insert', kind: 'refusals', doc } as const);
      if ((await storage.commit({ change })).outcome === 'committed') return;
    }
    throw new AppError('storage-unavailable', { detail: 'Other processes were always faster.' });
  }

  /**
   * What a form refused beside what it accepted. This process's own counts are in it up to this instant, those of others up to their last flush.
   * Errors: `form-not-found`, `malformed-query` when the range holds no day of which counts are kept.
   */
  async function ofForm(wish: RefusalWish): Promise<RefusalStats> {
    const asOf = clock.now();
    const { from, to } = rangeOf(wish, dayIn(deps.timeZone, asOf));
    const { formId } = wish;
    await formOf(storage, formId);
    await flush();
    const [kept, accepted] = await Promise.all([keptDays(formId, from, to), acceptedDays(formId, from, to)]);
    const byDay = new Map<string, { day: string; refused: number; accepted: number }>();
    for (const { day, count } of accepted) byDay.set(day, { day, refused: 0, accepted: count });
    for (const { day, refused } of kept) byDay.set(day, { day, refused, accepted: byDay.get(day)?.accepted ?? 0 });
    const counted = {
      formId,
      from,
      to,
      ...totalOf(kept),
      accepted: accepted.reduce((sum, { count }) => sum + count, 0),
      byDay: [...byDay.values()].sort((a, b) => (a.day < b.day ? -1 : 1)),
      asOf,
    };
    return refusalStats(counted, deps.leastGroup);
  }

  function keptDays(formId: string, from: string, to: string): Promise<Refusals[]> {
    const query = { where: { formId }, from: refusalsAt({ day: from }), to: refusalsAt({ day: to }) + 1, limit: 1000 };
    return Array.fromAsync(every(storage, 'refusals', query));
  }

  function acceptedDays(formId: string, from: string, to: string) {
    const range = { from: dayBounds(deps.timeZone, from).from, to: dayBounds(deps.timeZone, to).to };
    return storage.responses.days({ formId, ...range });
  }

  return { count, flush, ofForm };
}
export type RefusalCounts = ReturnType<typeof createRefusals>;

/** The wished days of which counts are kept. */
function rangeOf(wish: RefusalWish, today: string): { from: string; to: string } {
  const oldest = daysFrom(today, 1 - refusalDays);
  const to = wish.to === undefined || wish.to > today ? today : wish.to;
  const wished = wish.from ?? daysFrom(today, 1 - daysByDefault);
  const from = wished < oldest ? oldest : wished;
  if (from <= to) return { from, to };
  throw new AppError('malformed-query', {
    detail: `The range holds no day of which counts are kept: those are ${oldest} to ${today}.`,
  });
}
