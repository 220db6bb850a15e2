import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Cell, ExportColumn } from '#domain/export-rows.ts';
import { sqlOf } from '#domain/queries/least-group.ts';
import { ranged } from '#domain/queries/range.ts';
import { timeToAnswer } from '#domain/queries/time-to-answer.ts';
import { idOf, openEngineWorld } from '../support/engine-world.ts';

const columns: ExportColumn[] = [
  { name: 'response_id', type: 'string' },
  { name: 'submitted_at', type: 'instant' },
  { name: 'day', type: 'date' },
  { name: 'metadata', type: 'string' },
];

type Row = { at?: number; metadata: string | null };
const submitted = Date.UTC(2026, 10, 24, 12);
const iso = (at: number) => new Date(at).toISOString();
const saying = (started_at: unknown) => JSON.stringify({ source: 'web', started_at });
/** Sent so many seconds after the form was opened. */
const after = (seconds: number, at = submitted): Row => ({ at, metadata: saying(iso(at - seconds * 1000)) });

/** What the query says of such rows, half of them in a file and half of them fresh, asked as the program asks: nothing in it can change its settings. */
async function answered(t: Parameters<typeof openEngineWorld>[0], rows: Row[]) {
  const { parquet, ndjson, query } = await openEngineWorld(t);
  const cells = rows.map(({ at = submitted, metadata }, n): Cell[] => [
    idOf(n),
    iso(at),
    iso(at).slice(0, 10),
    metadata,
  ]);
  const half = Math.ceil(rows.length / 2);
  const file = await parquet('a.parquet', cells.slice(0, half), columns);
  const fresh = cells.slice(half).map((row, n) => ({
    ...Object.fromEntries(columns.map(({ name }, i) => [name, row[i] as string | null])),
    _changed: n + 1,
  }));
  const { sql, params } = ranged(sqlOf(timeToAnswer, { columns, questions: [], texts: [] }, {}, 1), {
    timeZone: 'Europe/Berlin',
  });
  const tables = [{ name: 'all_responses', columns, files: [file], fresh: await ndjson('fresh.ndjson', fresh) }];
  const found = await query(sql, tables, { params });
  assert.deepEqual(
    found.columns.map(({ name }) => name),
    Object.keys(timeToAnswer.columns),
  );
  return found.values;
}

test('half of the people answered within the median, a quarter within p25, and each week stands for itself', async (t) => {
  const weekBefore = submitted - 7 * 86_400_000;
  const rows = [40, 10, 30, 20, 50].map((seconds) => after(seconds));
  assert.deepEqual(await answered(t, [...rows, after(90, weekBefore), after(1.5, weekBefore)]), [
    ['2026-W47', 2, 45.75, 23.625, 67.875, 81.15],
    ['2026-W48', 5, 30, 20, 40, 46],
  ]);
});

test('a time is told in the digits that it was said in', async (t) => {
  // The difference of the first one's two times, as doubles since 1970, is 65.77399992942810.
  const rows = [65.774, 65.775, 65.816, 65.823].map((seconds) => after(seconds));
  assert.deepEqual(await answered(t, rows), [['2026-W48', 4, 65.7955, 65.77475, 65.81775, 65.8209]]);
});

test('times below nothing and above a day are no times to answer; both ends are', async (t) => {
  const rows = [after(-1), after(-86_400), after(0), after(86_400), after(86_401), after(400 * 86_400)];
  assert.deepEqual(await answered(t, rows), [['2026-W48', 2, 43_200, 21_600, 64_800, 77_760]]);
});

test('a time in any zone is the instant that it is, and what is no instant is passed over', async (t) => {
  const same = [
    '2026-11-24T11:59:00Z',
    '2026-11-24t11:59:00.000z',
    '2026-11-24T17:29:00+05:30',
    '2026-11-23T23:59:00-12:00',
  ];
  const none = [
    ...['', 'yesterday', 'epoch', 'infinity', '2026-11-24', '2026-11-24T11:59:00', '2026-11-24 11:59:00Z', '11:59:00Z'],
    ...[
      '2026-11-31T11:59:00Z',
      '2026-11-24T25:59:00Z',
      '2026-11-24T11:59:00+99:99',
      '1764000000',
      ' 2026-11-24T11:59:00Z',
    ],
    ...["2026-11-24T11:59:00Z'); DROP TABLE all_responses; --", '9999999-11-24T11:59:00Z', '2026-11-24T11:59:00Z\n'],
  ];
  const odd: Row[] = [
    null,
    '{}',
    '{"Started_at":"2026-11-24T11:59:00Z"}',
    '{"a":{"started_at":"2026-11-24T11:59:00Z"}}',
  ].map((metadata) => ({ metadata }));
  const rows = [...same, ...none].map((text) => ({ metadata: saying(text) }));
  assert.deepEqual(await answered(t, [...odd, ...rows]), [['2026-W48', 4, 60, 60, 60, 60]]);
});

test('where nobody says it, there is no row', async (t) => {
  assert.deepEqual(await answered(t, [{ metadata: null }, { metadata: '{"source":"web"}' }]), []);
});
