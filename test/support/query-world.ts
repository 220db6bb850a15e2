import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { createDuckdbEngine } from '#adapters/analytics-duckdb/engine/analytics-engine.ts';
import { createAnswerCache } from '#app/queries/answer-cache.ts';
import { createCommonQueries } from '#app/queries/common-queries.ts';
import { createFreshRows } from '#app/queries/fresh-rows.ts';
import { createFormTables } from '#app/queries/tables.ts';
import type { ClassifyResult, Review } from '#domain/response.ts';
import { openExportWorld, timeZone } from './export-world.ts';

const first = {
  elements: [
    { type: 'comment', name: 'message' },
    { type: 'text', name: 'email', inputType: 'email' },
    { type: 'rating', name: 'stars' },
    { type: 'radiogroup', name: 'size', choices: ['small', 'large'], showOtherItem: true },
    { type: 'checkbox', name: 'wishes', choices: ['window', 'quiet', 'garden'] },
  ],
};
const second = { elements: [...first.elements, { type: 'text', name: 'guests', inputType: 'number' }] };

export const hour = 3_600_000;
/** Of the first response. */
export const start = Date.parse('2025-12-22T08:00:00Z');

/** Definitions of a form in two versions, the second with one more question. */
export const versions = [{ definition: first }, { definition: second }];

/** One response, and what the machine and a person made of it. */
export type Given = {
  version: number;
  at: number;
  answers: Record<string, string | number | string[]>;
  opened?: number;
  machine?: { tier: 'head' | 'llm'; label: string | null; confidence: number; unsure: boolean };
  person?: { label?: string | null; after: number };
};

/** The n-th of them: the same at each run, and with no pattern that the weeks share. */
export function given(n: number): Given {
  const chance = (most: number, salt: number) => ((n * 7919 + salt * 104_729 + n * n * salt) % 10_007) % most;
  const version = n < 50 ? 1 : 2;
  const other = chance(7, 3) === 0;
  return {
    version,
    at: start + n * 9 * hour + chance(5 * 3600, 1) * 1000,
    answers: {
      message: chance(4, 2) === 0 ? `A seat at the window, number ${n}` : `Number ${n}`,
      ...(chance(6, 4) !== 0 && { email: `${chance(2, 5) ? 'Guest' : 'guest'}${chance(40, 6)}@example.org` }),
      ...(chance(5, 7) !== 0 && { stars: 1 + chance(5, 8) }),
      size: other ? 'other' : ['small', 'large', 'large'][chance(3, 9)]!,
      ...(other && { 'size-Comment': 'the turquoise seat' }),
      wishes: ['window', 'quiet', 'garden'].filter((_, i) => i === n % 3 || chance(3, 10 + i) === 0),
      ...(version === 2 && chance(3, 13) !== 0 && { guests: chance(900, 14) / 10 }),
    },
    ...(chance(3, 15) !== 0 && { opened: 20 + chance(2000, 16) }),
    ...(chance(5, 17) !== 0 && {
      machine: {
        tier: chance(3, 18) === 0 ? 'llm' : 'head',
        label: [null, 'bug', 'praise'][chance(3, 19)]!,
        confidence: chance(101, 20) / 100,
        unsure: chance(4, 21) === 0,
      },
    }),
    ...(chance(3, 22) === 0 && {
      person: {
        after: (1 + chance(90, 23)) * hour,
        ...(chance(5, 24) !== 0 && { label: [null, 'bug', 'praise'][chance(3, 25)]! }),
      },
    }),
  };
}

export type Range = { from?: number; to?: number };

/** A store, files and an engine, and the common queries over them with any least group. Nothing is answered from a cache. */
export async function openQueryWorld(t: Pick<TestContext, 'after'>) {
  const world = await openExportWorld(t);
  const { storage, blobs, clock, ids, metrics } = world;
  const engine = createDuckdbEngine({ folder: join(world.dir, 'engine') });
  t.after(() => engine.close());
  const freshRows = createFreshRows({ storage, blobs, clock, ids, readMs: 120_000 });
  const tables = createFormTables({ storage, blobs, freshRows, clock, staleMs: 1000, requestUpdate: async () => {} });
  const answers = createAnswerCache({
    cache: { get: async () => undefined, set: async () => {} },
    metrics,
    ids,
    release: '1',
  });

  const limits = { timeMs: 60_000, rows: 10_000 };
  const queriesFor = (leastGroup: number) =>
    createCommonQueries({ tables, engine, answers, clock, metrics, timeZone, limits, leastGroup });

  async function ask(formId: string, name: string, params: object = {}, leastGroup = 1, range: Range = {}) {
    const queries = queriesFor(leastGroup);
    const prepared = await queries.prepare({ name, formId, params: { ...params }, fresh: true, ...range });
    return (await queries.answer(prepared)).answer;
  }

  /** Responses `from` … below `to` of those made up, kept with what became of them. */
  async function keep(formId: string, from: number, to: number): Promise<Given[]> {
    const all = Array.from({ length: to - from }, (_, i) => given(from + i));
    for (const { version, at, answers, opened, machine, person } of all)
      await world.respond(formId, answers, {
        version,
        at,
        ...(opened !== undefined && { metadata: { started_at: new Date(at - opened * 1000).toISOString() } }),
        ...(machine && { understanding: classified(machine.label, machine.confidence, machine) }),
        ...(person && { review: reviewed(person.label, at + person.after) }),
      });
    return all;
  }
  return { ...world, tables, engine, queriesFor, ask, keep };
}

/** What a machine found, as far as queries read it. */
export function classified(
  label: string | null,
  confidence: number,
  { tier = 'head', unsure = false }: { tier?: ClassifyResult['tier']; unsure?: boolean } = {},
): { classify: ClassifyResult } {
  const provenance = { tier, model: `${tier}/1`, inputSha256: '', milliseconds: 1, at: 0 };
  return { classify: { label, confidence, tier, needsReview: unsure, alternatives: [], provenance } };
}

/** Without a label: a person has looked, and left it. */
export const reviewed = (label: string | null | undefined, at: number): Review => ({
  by: 'usr_1',
  at,
  ...(label !== undefined && { label }),
});
