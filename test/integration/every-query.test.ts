import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dayIn } from '#domain/day.ts';
import { commonQueries } from '#domain/queries/catalogue.ts';
import { inEveryFormat } from '../support/answer-formats.ts';
import { timeZone } from '../support/export-world.ts';
import { type Given, hour, openQueryWorld, type Range, start, versions } from '../support/query-world.ts';

/*
 * Every common query, compared with what its documentation says of the responses that were kept, counted here in plain JavaScript: over seven weeks, two versions of a form, labels of
 * machines and of people; with all rows in the store alone, all in files, and some in both; with and without ranges.
 */

const labelled = ({ person, machine }: Given): [label: string | null, source: string | null] => {
  if (person?.label !== undefined) return [person.label, 'review'];
  return machine && !machine.unsure ? [machine.label, machine.tier] : [null, null];
};
const day = ({ at }: Given) => dayIn(timeZone, at);
/** ISO 8601: a week belongs to the year of its Thursday. */
function week(one: Given): string {
  const date = new Date(`${day(one)}T00:00:00Z`);
  date.setUTCDate(date.getUTCDate() + 4 - (date.getUTCDay() || 7));
  const nth = Math.ceil((Number(date) - Date.UTC(date.getUTCFullYear(), 0, 1) + 86_400_000) / (7 * 86_400_000));
  return `${date.getUTCFullYear()}-W${String(nth).padStart(2, '0')}`;
}
const local = (options: Intl.DateTimeFormatOptions) => {
  const format = new Intl.DateTimeFormat('en-GB', { timeZone, ...options });
  return ({ at }: Given) => format.format(at);
};
const hourOfDay = local({ hour: '2-digit', hourCycle: 'h23' });
const weekday = (one: Given) => String(new Date(`${day(one)}T00:00:00Z`).getUTCDay() || 7);

const mean = (numbers: number[]) => numbers.reduce((sum, one) => sum + one, 0) / numbers.length;
const meanOrNull = (numbers: number[]) => (numbers.length === 0 ? null : mean(numbers));
/** Between two numbers in proportion. */
function quantile(numbers: number[], share: number): number | null {
  const sorted = numbers.toSorted((a, b) => a - b);
  const place = share * (sorted.length - 1);
  const [low, high] = [sorted[Math.floor(place)], sorted[Math.ceil(place)]];
  return low === undefined ? null : low + (high! - low) * (place % 1);
}
function grouped<T, K>(all: readonly T[], by: (one: T) => K): [key: K, of: T[]][] {
  const groups = Map.groupBy(all, (one) => JSON.stringify(by(one)));
  return [...groups].map(([key, of]) => [JSON.parse(key), of]);
}
const numbersOf = (all: Given[], name: string) =>
  all.flatMap(({ answers }) => (name in answers ? [answers[name] as number] : []));
const weekly = (all: Given[], tell: (of: Given[]) => unknown[]) =>
  grouped(all, week).map(([key, of]) => [key, ...tell(of)]);
const days = (from: string, n: number) =>
  new Date(Date.parse(`${from}T00:00:00Z`) - n * 86_400_000).toISOString().slice(0, 10);

type Check = {
  params?: Record<string, string>;
  /** Rows as the query tells them, in any order; `soFar`: what came before the end of the range. */
  rows(all: Given[], soFar: Given[]): unknown[][];
  /** Columns by whose values its rows ascend; or descending by `count`. */
  order?: number[] | 'count';
};
const overTime = (by: string, period: (one: Given) => string): Check => ({
  params: { by },
  rows: (all) => grouped(all, period).map(([key, of]) => [key, of.length]),
  order: [0],
});
const answersOf = (question: string): Check => ({
  params: { question },
  rows(all) {
    const who = all.filter(({ answers }) => question in answers);
    const each = who.flatMap(({ answers }) => [answers[question]!].flat());
    return grouped(each, String).map(([answer, of]) => [answer, of.length, of.length / who.length]);
  },
  order: 'count',
});

const checks: Record<string, Check[]> = {
  'responses-over-time': [
    overTime('day', day),
    overTime('week', week),
    overTime('month', (one) => day(one).slice(0, 7)),
    overTime('weekday', weekday),
    overTime('hour-of-day', hourOfDay),
    overTime('hour-of-week', (one) => `${weekday(one)}-${hourOfDay(one)}`),
    overTime('hour', (one) => `${day(one)}T${hourOfDay(one)}:00`),
  ],
  trend: [5, 7, 400].map((n) => ({
    params: { days: String(Math.min(n, 366)) },
    rows(all) {
      const newest = all.map(day).toSorted().at(-1)!;
      const [middle, oldest] = [days(newest, n), days(newest, 2 * n)];
      const of = all.filter((one) => day(one) > oldest);
      return grouped(of, (one) => labelled(one)[0]).map(([label, some]) => {
        const count = some.filter((one) => day(one) > middle).length;
        const before = some.length - count;
        return [label, count, before, before > 0 ? count / before - 1 : null];
      });
    },
    order: 'count',
  })),
  labels: [
    {
      rows: (all) =>
        grouped(all, labelled).map(([[label, source], of]) => {
          const sure = of.flatMap(({ machine }) => (machine ? [machine.confidence] : []));
          return [label, source, of.length, of.length / all.length, meanOrNull(sure)];
        }),
      order: 'count',
    },
  ],
  confidence: [
    {
      rows(all) {
        const sure = all.flatMap((one) => (one.machine ? [{ ...one, machine: one.machine }] : []));
        const step = (confidence: number) => Math.min(9, Math.floor(Math.round(confidence * 100) / 10)) / 10;
        return grouped(sure, ({ machine }) => [machine.tier, step(machine.confidence)]).map(([key, of]) => {
          const left = of.filter(({ machine, person }) => machine.unsure && person?.label === undefined);
          return [...key, of.length, left.length];
        });
      },
      order: [0, 1],
    },
  ],
  agreement: [
    {
      rows(all) {
        const both = all.flatMap(({ machine, person, ...one }) =>
          machine && person?.label !== undefined ? [{ ...one, machine, label: person.label }] : [],
        );
        return grouped(both, (one) => [week(one), one.machine.tier, `${one.machine.tier}/1`]).map(([key, of]) => [
          ...key,
          of.length,
          mean(of.map(({ machine, label }) => (machine.label === label ? 1 : 0))),
        ]);
      },
      order: [0, 1, 2],
    },
  ],
  reviews: [
    {
      rows: (all) =>
        weekly(all, (of) => {
          const hours = of.flatMap(({ person }) => (person ? [person.after / hour] : []));
          return [of.length, hours.length, quantile(hours, 0.5), quantile(hours, 0.9)];
        }),
      order: [0],
    },
  ],
  'time-to-answer': [
    {
      rows: (all) =>
        weekly(
          all.filter(({ opened }) => opened !== undefined),
          (of) => [
            of.length,
            ...[0.5, 0.25, 0.75, 0.9].map((share) =>
              quantile(
                of.map(({ opened }) => opened!),
                share,
              ),
            ),
          ],
        ),
      order: [0],
    },
  ],
  answers: [answersOf('size'), answersOf('wishes'), answersOf('stars')],
  numbers: ['stars', 'guests'].map((question) => ({
    params: { question },
    rows(all) {
      const found = numbersOf(all, question);
      const m = mean(found);
      const deviation = Math.sqrt(found.reduce((sum, one) => sum + (one - m) ** 2, 0) / (found.length - 1));
      const quantiles = [0.25, 0.5, 0.75, 0.9].map((share) => quantile(found, share));
      return [[found.length, m, deviation, Math.min(...found), ...quantiles, Math.max(...found)]];
    },
  })),
  histogram: [
    {
      params: { question: 'guests', steps: '4' },
      rows(all) {
        const found = numbersOf(all, 'guests');
        const [low, high] = [Math.min(...found), Math.max(...found)];
        const end = (step: number) => low + (step * (high - low)) / 4;
        return grouped(found, (one) => Math.min(3, Math.floor(((one - low) / (high - low)) * 4))).map(([step, of]) => [
          end(step),
          end(step + 1),
          of.length,
        ]);
      },
      order: [0],
    },
  ],
  respondents: [
    {
      params: { question: 'email' },
      rows(all, soFar) {
        const who = ({ answers: { email } }: Given) => (email as string).toLowerCase();
        const has = ({ answers }: Given) => 'email' in answers;
        const earliest = new Map<string, number>();
        for (const one of soFar.filter(has).toSorted((a, b) => b.at - a.at)) earliest.set(who(one), one.at);
        return weekly(all.filter(has), (of) => {
          const fresh = of.filter((one) => earliest.get(who(one)) === one.at);
          return [new Set(of.map(who)).size, new Set(fresh.map(who)).size, of.length];
        });
      },
      order: [0],
    },
  ],
  form: [
    {
      rows: (all) =>
        versions.at(-1)!.definition.elements.map(({ name }) => {
          const asked = all.filter(({ version }) => version === 2 || name !== 'guests');
          const answered = asked.filter(({ answers }) => name in answers).length;
          return [name, asked.length, answered, answered / asked.length];
        }),
    },
  ],
  search: [
    {
      params: { text: 'SEAT', limit: '1000' },
      rows: (all) =>
        all
          .toSorted((a, b) => b.at - a.at)
          .flatMap((one) =>
            Object.entries(one.answers)
              .filter(([, text]) => String(text).includes('seat'))
              .map(([name, text]) => [new Date(one.at).toISOString(), labelled(one)[0], name, text]),
          ),
    },
  ],
};

/** Numbers to nine digits: sums are made in another order here. */
const rounded = (rows: unknown[][]): string[] =>
  rows.map((row) =>
    JSON.stringify(row.map((value) => (typeof value === 'number' ? Number(value.toPrecision(9)) : value))),
  );
const compare = (a: unknown, b: unknown) => (a === b ? 0 : (a as string) < (b as string) ? -1 : 1);

test('every common query is compared here', () => {
  assert.deepEqual(Object.keys(checks).toSorted(), commonQueries.map(({ name }) => name).toSorted());
});

test('every common query tells what its documentation says, with rows in the store, in files, and in both', {
  timeout: 300_000,
}, async (t) => {
  const world = await openQueryWorld(t);
  const { ask, form } = world;
  const { id } = await form(versions, start);
  const kept: Given[] = [];
  const keep = async (from: number, to: number) => kept.push(...(await world.keep(id, from, to)));
  const check = async (where: string, range: Range = {}) => {
    const soFar = kept.filter(({ at }) => at < (range.to ?? Number.POSITIVE_INFINITY));
    const all = soFar.filter(({ at }) => at >= (range.from ?? 0));
    assert.ok(all.length > 30, where);
    for (const [name, each] of Object.entries(checks))
      for (const { params = {}, rows, order } of each) {
        const what = `${name} ${JSON.stringify(params)}, ${where} ${JSON.stringify(range)}`;
        const answer = await ask(id, name, params, 1, range);
        assert.deepEqual(
          answer.columns.map((column) => column.name),
          Object.keys(commonQueries.find((query) => query.name === name)!.columns),
          what,
        );
        const found: unknown[][] =
          name === 'search'
            ? answer.rows.map(([, at, ...rest]) => [new Date(at as string).toISOString(), ...rest])
            : answer.rows;
        assert.deepEqual(rounded(found).toSorted(), rounded(rows(all, soFar)).toSorted(), what);
        const counted = answer.columns.findIndex((column) => column.name === 'count');
        const inOrder = found.toSorted((a, b) =>
          order === 'count'
            ? Number(b[counted]) - Number(a[counted])
            : (order ?? []).map((i) => compare(a[i], b[i])).find((sign) => sign !== 0) || 0,
        );
        assert.deepEqual(found, inOrder, what);
      }
  };
  const ranges = async (where: string) => {
    await check(where);
    await check(where, { from: start + 20 * 24 * hour + 7 * hour });
    await check(where, { from: start + 9 * 24 * hour, to: start + 27 * 24 * hour });
  };
  await keep(0, 90);
  await ranges('in the store');
  await world.update(id);
  await ranges('in files');
  await keep(90, 130);
  await ranges('in both');
});

test('every common query has the same answer in every format, without responses and with some', async (t) => {
  const world = await openQueryWorld(t);
  const { id } = await world.form(versions, start);
  const queries = world.queriesFor(1);
  const check = async (hasRows: boolean) => {
    for (const [name, each] of Object.entries(checks))
      for (const { params = {} } of each) {
        const question = await queries.prepare({ name, formId: id, params, fresh: true });
        const { rows } = await inEveryFormat(queries, question, world.dir, `${name} ${JSON.stringify(params)}`);
        if (hasRows) assert.ok(rows.length > 0, name);
      }
  };
  await check(false);
  await world.keep(id, 0, 60);
  await world.update(id);
  await world.keep(id, 60, 70);
  await check(true);
});
