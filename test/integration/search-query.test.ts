import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ExportColumn } from '#domain/export-rows.ts';
import { type QueryTable, readParams } from '#domain/queries/query.ts';
import { search } from '#domain/queries/search.ts';
import { idOf, openEngineWorld } from '../support/engine-world.ts';

/* The query that searches texts, with texts that a pattern could take for more than they are. */

const columns: ExportColumn[] = [
  { name: 'response_id', type: 'string' },
  { name: 'submitted_at', type: 'instant' },
  { name: 'label', type: 'string' },
  { name: 'message__text', type: 'string' },
  { name: 'label__text', type: 'string' },
];
const table: QueryTable = {
  columns,
  questions: [],
  texts: [
    { name: 'message', column: columns[3]! },
    { name: 'label', column: columns[4]! },
  ],
};

async function searched(t: Parameters<typeof openEngineWorld>[0], texts: readonly (readonly [string, string?])[]) {
  const { query, ndjson } = await openEngineWorld(t);
  const rows = texts.map(([message__text, label__text], n) => ({
    response_id: idOf(n),
    submitted_at: new Date(Date.UTC(2026, 0, 1, 0, n)).toISOString(),
    label: 'bug',
    message__text,
    label__text: label__text ?? null,
    _changed: n,
  }));
  const fresh = await ndjson('rows.ndjson', rows);
  return async (text: string, limit = 50) => {
    const { sql, params } = search.build(table, readParams(search, { text, limit }), 1);
    const { values } = await query(sql, [{ name: 'responses', columns, files: [], fresh }], { params });
    return values;
  };
}

test('a text is found as it stands, whatever a pattern would make of it', async (t) => {
  const odd = [
    "it's",
    '100%',
    '50 % (a|b)*',
    'C:\\temp\\d',
    '[^x]{2}',
    'a.c',
    '$text',
    "'; DROP TABLE x; --",
    'a\nb',
    'a\0b',
    '–“ß”',
    '👩‍👩‍👧',
  ];
  const find = await searched(t, [...odd.map((text) => [`before ${text} after`] as const), ['abc'], ['xx']]);
  for (const [n, text] of odd.entries()) {
    const found = await find(text);
    assert.deepEqual(
      found.map(([id]) => id),
      [idOf(n)],
      text,
    );
    assert.equal(found[0]![4], `before ${text} after`);
  }
  assert.deepEqual(await find('\ud800'), []);
});

test('letter case is ignored, and the snippet is what stands in the answer', async (t) => {
  const find = await searched(t, [[`${'ä'.repeat(100)}GRÖSSE Straße${'z'.repeat(100)}`], ['Ωmega'], ['groß']]);
  const [found] = await find('größe'.replace('ß', 'ss'));
  assert.equal(found![4], `${'ä'.repeat(60)}GRÖSSE Straße${'z'.repeat(60 - ' Straße'.length)}`);
  assert.equal((await find('ωMEGA'))[0]![4], 'Ωmega');
  assert.equal((await find('GROß'))[0]![4], 'groß');
});

test('a row for each text of a response, the newest response first, and no more than were wanted', async (t) => {
  const find = await searched(t, [['one window', 'a Window'], ['no'], ['two windows'], ['', 'window three']]);
  const rows = async (limit?: number) => (await find('window', limit)).map(([id, , , question]) => [id, question]);
  const all = [
    [idOf(3), 'label'],
    [idOf(2), 'message'],
    [idOf(0), 'message'],
    [idOf(0), 'label'],
  ];
  assert.deepEqual(await rows(), all);
  assert.deepEqual(await rows(3), all.slice(0, 3));
  assert.deepEqual(await find('nowhere'), []);
});
