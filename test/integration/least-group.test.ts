import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Json } from '#domain/json.ts';
import { commonQueries } from '#domain/queries/catalogue.ts';
import { classified, openQueryWorld, reviewed, start, versions } from '../support/query-world.ts';

/* What common queries do not say where an installation has a least group: nothing that speaks of fewer people, and nothing that it follows from in the same row. */

const k = 5;
const day = 86_400_000;

type Row = Record<string, Json>;
type More = { at?: number } & Record<string, unknown>;

/** A form with a number, a choice and boxes; `rows` asks with the least group, or with another. */
async function openForm(t: TestContext) {
  const world = await openQueryWorld(t);
  const definition = {
    elements: [
      { type: 'text', name: 'email', inputType: 'email' },
      { type: 'text', name: 'salary', inputType: 'number' },
      { type: 'radiogroup', name: 'size', choices: ['small', 'large'] },
      { type: 'checkbox', name: 'wishes', choices: ['window', 'quiet', 'garden'] },
    ],
  };
  const { id } = await world.form([{ definition }], start);
  const send = async (count: number, answers: (n: number) => Record<string, Json> = () => ({}), more: More = {}) => {
    for (let n = 0; n < count; n++) await world.respond(id, answers(n), { at: start, ...more });
  };
  const ask = (name: string, params: object = {}, leastGroup = k, range = {}) =>
    world.ask(id, name, params, leastGroup, range);
  const rows = async (...wish: Parameters<typeof ask>): Promise<Row[]> => {
    const { columns, rows: found } = await ask(...wish);
    return found.map((row) => Object.fromEntries(columns.map(({ name }, i) => [name, row[i]!])));
  };
  return { send, ask, rows };
}

test('shares are of the answers that are shown, so that the others do not follow from them', async (t) => {
  const { send, ask, rows } = await openForm(t);
  await send(6, () => ({ size: 'large', wishes: ['quiet', 'window'] }));
  await send(1, () => ({ size: 'small', wishes: ['garden'] }));
  await send(8, () => ({ wishes: ['quiet', 'garden'] }));
  await send(2, () => ({ wishes: ['window'] }));
  assert.deepEqual(await rows('answers', { question: 'size' }), [{ answer: 'large', count: 6, share: 1 }]);
  assert.equal((await ask('answers', { question: 'size' })).suppressed, 1);
  const shares = async (leastGroup: number) =>
    (await rows('answers', { question: 'wishes' }, leastGroup)).map(({ answer, count, share }) => [
      answer,
      count,
      Math.round(Number(share) * 17 * 100) / 100,
    ]);
  assert.deepEqual(await shares(k), [
    ['quiet', 14, 14],
    ['garden', 9, 9],
    ['window', 8, 8],
  ]);
  assert.deepEqual(await shares(9), [
    ['quiet', 14, Math.round((14 / 15) * 1700) / 100],
    ['garden', 9, Math.round((9 / 15) * 1700) / 100],
  ]);
  assert.deepEqual(await rows('answers', { question: 'size' }, 7), []);
});

test('shares of labels are of those that are shown, and a mean confidence of few is none', async (t) => {
  const { send, rows } = await openForm(t);
  await send(6, undefined, { understanding: classified('praise', 0.5) });
  await send(3, undefined, { understanding: classified('bug', 0.9) });
  await send(8);
  await send(1, undefined, { understanding: classified('bug', 0.2, { unsure: true }) });
  assert.deepEqual(await rows('labels'), [
    { label: null, source: null, count: 9, share: 0.6, mean_confidence: null },
    { label: 'praise', source: 'head', count: 6, share: 0.4, mean_confidence: 0.5 },
  ]);
  const [open] = await rows('labels', {}, 1);
  assert.deepEqual([open!.share, open!.mean_confidence], [0.5, 0.2]);
});

test('the least and the most are answers of one person, and so is a quantile with few beyond it', async (t) => {
  const { send, rows } = await openForm(t);
  const numbers = async (leastGroup = k) => {
    const [found = {}] = await rows('numbers', { question: 'salary' }, leastGroup);
    const { count, ...rest } = found;
    return [count, ...Object.keys(rest).filter((name) => rest[name] !== null)];
  };
  await send(7, (n) => ({ salary: n === 6 ? 987_654 : 1000 + n }));
  assert.deepEqual(await numbers(), [7, 'mean', 'deviation']);
  await send(3, (n) => ({ salary: 2000 + n }));
  assert.deepEqual(await numbers(), [10, 'mean', 'deviation', 'median']);
  await send(10, (n) => ({ salary: 3000 + n }));
  assert.deepEqual(await numbers(), [20, 'mean', 'deviation', 'p25', 'median', 'p75']);
  await send(30, (n) => ({ salary: 4000 + n }));
  const quantiles = ['p25', 'median', 'p75', 'p90'];
  assert.deepEqual(await numbers(), [50, 'mean', 'deviation', ...quantiles]);
  assert.deepEqual(await numbers(1), [50, 'mean', 'deviation', 'least', ...quantiles, 'most']);
});

test('steps of a histogram begin and end at round numbers, are open at both ends, and count what lies in them', async (t) => {
  const { send, ask, rows } = await openForm(t);
  const salaries = Array.from({ length: 90 }, (_, n) => Math.round(1000 * (1.05 ** n * 7 + n / 7)) / 1000 + 0.000_1);
  await send(salaries.length, (n) => ({ salary: salaries[n]! }));
  for (const steps of [1, 2, 3, 10, 47, 100]) {
    const found = await rows('histogram', { question: 'salary', steps });
    const { suppressed } = await ask('histogram', { question: 'salary', steps });
    assert.ok(found.length > 0 && found.length + suppressed <= steps + 1, `${steps}: ${found.length}`);
    for (const { from, to, count } of found) {
      const within = (one: number) => (from === null || one >= Number(from)) && (to === null || one < Number(to));
      assert.equal(count, salaries.filter(within).length, `${steps}: ${from} to ${to}`);
      assert.ok(Number(count) >= k);
      if (from !== null && to !== null) {
        const width = Number(to) - Number(from);
        assert.match(width.toExponential(6), /^(1|2|5)\.000000e/, `${steps}: ${from} to ${to}`);
      }
    }
    assert.equal(found[0]!.from, null);
    assert.equal(found.at(-1)!.to, null);
  }
});

test('a histogram of equal answers, of few and of none does not tell which they are', async (t) => {
  const { send, ask } = await openForm(t);
  const histogram = async () => {
    const { rows, suppressed } = await ask('histogram', { question: 'salary' });
    return [rows, suppressed];
  };
  assert.deepEqual(await histogram(), [[], 0]);
  await send(4, () => ({ salary: 1234 }));
  assert.deepEqual(await histogram(), [[], 1]);
  await send(2, () => ({ salary: 1234 }));
  assert.deepEqual(await histogram(), [[[null, null, 6]], 0]);
  await send(1, () => ({ salary: 9_876_543 }));
  assert.deepEqual(await histogram(), [[[null, null, 7]], 0], 'nor that one is another');
  await send(2, (n) => ({ salary: 500 + n }));
  assert.deepEqual(await histogram(), [[[null, null, 9]], 0], 'nor how two groups of few lie');
});

test('a count of some of a row is shown where neither they nor the others are few', async (t) => {
  const { send, rows } = await openForm(t);
  const column = async (name: string, columns: string[], params = {}) => {
    const [row] = await rows(name, params);
    return columns.map((one) => row![one]);
  };
  const at = (days: number) => ({ at: start + days * day });
  // 12 in the first week, of whom 4 come again in the second with 6 others.
  await send(
    12,
    (n) => ({ email: `a${n}@example.org`, ...(n < 9 && { salary: n }), ...(n < 2 && { size: 'small' }) }),
    at(0),
  );
  await send(10, (n) => ({ email: `a${n < 4 ? n : n + 20}@example.org` }), at(7));
  const weeks = await rows('respondents', { question: 'email' });
  assert.deepEqual(
    weeks.map(({ count, new: first }) => [count, first]),
    [
      [12, 12],
      [10, null],
    ],
  );
  const form = await rows('form');
  assert.deepEqual(
    form.map(({ question, count, answered, share }) => [question, count, answered, share]),
    [
      ['email', 22, 22, 1],
      ['salary', 22, 9, 9 / 22],
      ['size', 22, null, null],
      ['wishes', 22, 0, 0],
    ],
  );
  await send(18, (n) => ({ email: 'b@example.org', salary: n }), at(7));
  const answered = async () => (await rows('form'))[1]!.answered;
  assert.equal(await answered(), 27);
  await send(9, () => ({ email: 'b@example.org', size: 'large' }), at(7));
  assert.deepEqual([(await rows('form'))[0]!.answered, (await rows('form'))[2]!.answered], [49, 11]);
  await send(3, () => ({ salary: 1 }), at(7));
  assert.equal((await rows('form'))[0]!.answered, null, '3 are the others');
  // In the last 7 days 40; before them 12.
  assert.deepEqual(await column('trend', ['count', 'before', 'change']), [40, 12, 40 / 12 - 1]);
  await send(4, undefined, { ...at(7), understanding: classified('bug', 1) });
  await send(2, undefined, { ...at(0), understanding: classified('bug', 1) });
  await send(2, undefined, { ...at(7), understanding: classified('bug', 1) });
  const bugs = (await rows('trend')).find(({ label }) => label === 'bug')!;
  assert.deepEqual([bugs.count, bugs.before, bugs.change], [6, null, null]);
});

test('how sure, how agreed and how soon reviewed say nothing of few', async (t) => {
  const { send, rows } = await openForm(t);
  const unsure = { understanding: classified('bug', 0.35, { unsure: true }) };
  await send(6, undefined, { understanding: classified('bug', 0.35) });
  await send(2, undefined, unsure);
  const [row] = await rows('confidence');
  assert.deepEqual(row, { tier: 'head', from: 0.3, count: 8, needs_review: null });
  await send(3, undefined, unsure);
  assert.equal((await rows('confidence'))[0]!.needs_review, 5);

  const reviews = async () => {
    const [{ count, reviewed: some, median_hours: median, p90_hours: p90 } = {}] = await rows('reviews');
    return [count, some, median, p90];
  };
  const after = { at: start, understanding: classified('bug', 0.9) };
  const review = (label: string | null | undefined) => ({ ...after, review: reviewed(label, start + 3_600_000) });
  assert.deepEqual(await reviews(), [11, 0, null, null]);
  await send(4, undefined, review('bug'));
  assert.deepEqual(await reviews(), [15, null, null, null]);
  const agreed = async () => (await rows('agreement')).map(({ count, agreed: share }) => [count, share]);
  assert.deepEqual(await agreed(), []);
  await send(2, undefined, review(null));
  assert.deepEqual([await agreed(), (await reviews())[1]], [[[6, null]], 6]);
  await send(4, undefined, review('praise'));
  await send(1, undefined, review('bug'));
  assert.deepEqual(await agreed(), [[11, 5 / 11]]);
  assert.deepEqual(await reviews(), [22, 11, 1, null]);
});

test('of many made-up responses nothing that is shown counts few, and what is shown is what is shown without a least group', {
  timeout: 120_000,
}, async (t) => {
  const { form, keep, ask } = await openQueryWorld(t);
  const { id } = await form(versions, start);
  await keep(id, 0, 120);
  const params: Record<string, object> = {
    answers: { question: 'wishes' },
    numbers: { question: 'guests' },
    histogram: { question: 'guests' },
    respondents: { question: 'email' },
  };
  const counts = new Set(['count', 'before', 'needs_review', 'reviewed', 'new', 'responses', 'answered']);
  let hidden = 0;
  for (const { name, counted, parts = {} } of commonQueries.filter(({ reveals }) => !reveals)) {
    const [open, guarded] = [await ask(id, name, params[name]), await ask(id, name, params[name], k)];
    const columns = open.columns.map((column) => column.name);
    const at = columns.indexOf(counted!);
    assert.deepEqual(guarded.columns, open.columns);
    for (const row of guarded.rows)
      for (const [i, column] of columns.entries())
        if (counts.has(column)) assert.ok(row[i] === null || row[i] === 0 || Number(row[i]) >= k, `${name} ${row}`);
    if (name === 'histogram') continue;
    const large = open.rows.filter((row) => Number(row[at]) >= k);
    assert.equal(guarded.suppressed, open.rows.length - large.length, name);
    assert.equal(guarded.rows.length, large.length, name);
    for (const [n, row] of guarded.rows.entries())
      for (const [i, column] of columns.entries()) {
        if (row[i] === null && large[n]![i] !== null) {
          assert.ok(column in parts, `${name}: ${column}`);
          hidden += 1;
        } else if (column !== 'share') assert.deepEqual(row[i], large[n]![i], `${name}: ${column}`);
      }
  }
  assert.ok(hidden > 10, `${hidden} values were left out`);
});
