import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { analystFunctions, clockFunctions, deepestBrackets, longestSql } from '#domain/analyst-functions.ts';
import { Refusal } from './refusal.ts';
import { checkText } from './text-check.ts';
import { parsedTree, type Tree } from './tree.ts';
import { checkTree } from './tree-check.ts';

let connection: DuckDBConnection;
before(async () => {
  connection = await (await DuckDBInstance.create(':memory:')).connect();
});

const tables = ['visits', 'answers'];
async function parsed(sql: string): Promise<Tree> {
  const rows = await (await connection.run('SELECT json_serialize_sql($1::VARCHAR)', [sql])).getRows();
  return parsedTree(String(rows[0]![0]));
}
const check = async (sql: string) => checkTree(await parsed(checkText(sql)), tables);

test('the parameters that a query names are told', async () => {
  assert.deepEqual(
    [...(await check('SELECT $a, (SELECT $b), list_transform([$a], lambda x: x + $c)')).params],
    ['a', 'b', 'c'],
  );
  assert.deepEqual([...(await check('SELECT ?, ? LIMIT ?')).params].toSorted(), ['1', '2', '3']);
  assert.deepEqual([...(await check('SELECT 1')).params], []);
});

test('a query that asks for the time or draws a sample is known not to repeat itself', async () => {
  for (const sql of [
    'SELECT now()',
    'SELECT * FROM visits WHERE day > current_date',
    'SELECT * FROM visits WHERE day > (SELECT today())',
    'SELECT * FROM visits USING SAMPLE 3',
    'SELECT * FROM visits TABLESAMPLE 10%',
  ])
    assert.equal((await check(sql)).repeatable, false, sql);
  for (const sql of [
    'SELECT count(*) FROM visits',
    'SELECT * FROM visits TABLESAMPLE reservoir(2 ROWS) REPEATABLE (1)',
  ])
    assert.equal((await check(sql)).repeatable, true, sql);
});

test('text that is too long, nested too deep or not text never reaches the parser', () => {
  assert.equal(checkText(`SELECT '${'x'.repeat(longestSql - 9)}'`).length, longestSql);
  assert.throws(() => checkText(`SELECT '${'x'.repeat(longestSql)}'`), /characters/);
  const nested = (n: number) => `SELECT ${'('.repeat(n)}1${')'.repeat(n)}`;
  assert.ok(checkText(nested(deepestBrackets)));
  assert.throws(() => checkText(nested(deepestBrackets + 1)), /Brackets/);
  assert.throws(() => checkText(nested(9_000)), /Brackets/);
  assert.throws(() => checkText(`SELECT ${'['.repeat(5000)}`), /Brackets/);
  assert.throws(() => checkText(`SELECT ${'{a:('.repeat(60)}`), /Brackets/);
  assert.throws(() => checkText('SELECT 1\0'), /code 0/);
  assert.equal(checkText('SELECT 1 ;\n; '), 'SELECT 1');
});

test('semicolons, comments and blanks are cut from the end of the text, and from nowhere else', () => {
  for (const end of [';', ' -- x', '; -- x', '; -- it\'s "', ";;\n/* a; /* b */ ' */ ; -- d", ' --\r;'])
    assert.equal(checkText(`SELECT 1${end}`), 'SELECT 1', end);
  for (const sql of [
    "SELECT ';--'",
    "SELECT 'it''s; --'",
    "SELECT E'it\\'s; --'",
    "SELECT date'2026-01-01; --'",
    'SELECT 1 AS ";--"',
    'SELECT 1 AS ";""--"',
    'SELECT $$;--$$',
    'SELECT $ä$; $$ --$ä$',
    'SELECT $1 + $a -- $a\n+ 1',
    'SELECT 1 --;\r+ 1',
    'SELECT 1; SELECT 2',
    "SELECT 'never ends ; --",
    'SELECT "never ends ; --',
    'SELECT $$never ends ; --',
    'SELECT 1 /* never ends ; /* x */ --',
    'SELECT 3 - -1, 4 / 2',
  ])
    assert.equal(checkText(`${sql} ; -- end`), sql.includes('never') ? `${sql} ; -- end` : sql, sql);
  assert.equal(checkText('-- nothing;'), '');
});

test('the longest text of what never ends is read in a moment', () => {
  for (const piece of ["'", '"', "e'\\' ", '$$', '$a$ ', '/*', '--', '$a', "''\"", ';'])
    for (const sql of [
      piece.repeat(longestSql / piece.length - 1),
      `x${piece.repeat(longestSql / piece.length - 1)}`,
    ]) {
      const startedAt = performance.now();
      checkText(sql);
      assert.ok(performance.now() - startedAt < 500, piece);
    }
});

test('what is deep without brackets is refused, and crashes neither the parser nor the check', async () => {
  const fill = (before: string, unit: string, after = '') =>
    before + unit.repeat(Math.floor((longestSql - before.length - after.length) / unit.length)) + after;
  const cases = 900;
  for (const sql of [
    fill('SELECT 1', '+1'),
    fill('SELECT ', 'NOT ', 'true'),
    fill('SELECT ', '- ', '1'),
    fill('SELECT 1', '::INT'),
    fill('SELECT topics', '[1]'),
    fill('SELECT 1', ' INTERSECT SELECT 1'),
    fill('SELECT * FROM visits', ', visits'),
    fill('SELECT 1', '->1'),
    fill('SELECT ', 'x->', '1'),
    `SELECT ${'CASE WHEN 1 THEN '.repeat(cases)}1${' END'.repeat(cases)}`,
  ])
    await assert.rejects(check(sql), Refusal, sql.slice(0, 30));
});

test('a field, a kind or an operator that the check does not know is refused wherever it appears', async () => {
  const plant = async (change: (select: Record<string, unknown>) => void) => {
    const tree = await parsed('SELECT label FROM visits WHERE NOT needs_review');
    change((tree as { statements: { node: Record<string, unknown> }[] }).statements[0]!.node);
    return () => checkTree(tree, tables);
  };
  const of = (value: unknown) => value as Record<string, unknown>;
  assert.ok((await plant(() => {}))());
  for (const change of [
    (select: Record<string, unknown>) => (select.into = 'x'),
    (select: Record<string, unknown>) => (of(select.from_table).at_clause = {}),
    (select: Record<string, unknown>) => (of(select.from_table).type = 'COLUMN_DATA'),
    (select: Record<string, unknown>) => (of(select.where_clause).type = 'OPERATOR_NEW'),
    (select: Record<string, unknown>) => (of(select.where_clause).class = 'NEW'),
    (select: Record<string, unknown>) => (of(select.where_clause).new = 1),
    (select: Record<string, unknown>) => (select.type = 'toString'),
    (select: Record<string, unknown>) => (select.cte_map = undefined),
  ])
    assert.throws(await plant(change), Refusal, String(change));
});

test('every function of the list exists in this DuckDB, once in the list', async () => {
  const rows = await (await connection.run('SELECT DISTINCT lower(function_name) FROM duckdb_functions()')).getRows();
  const known = new Set(rows.map(([name]) => String(name)));
  const listed = Object.values(analystFunctions).flat();
  assert.deepEqual(
    listed.filter((name) => !known.has(name)),
    [],
  );
  assert.deepEqual(
    listed.filter((name, i) => listed.indexOf(name) !== i),
    [],
  );
});

test('of the functions that DuckDB calls volatile only clocks and error are in the list', async () => {
  const rows = await (
    await connection.run(
      "SELECT DISTINCT lower(function_name) FROM duckdb_functions() WHERE stability IS NOT NULL AND stability <> 'CONSISTENT'",
    )
  ).getRows();
  const listed = new Set<string>(Object.values(analystFunctions).flat());
  const volatile = rows.map(([name]) => String(name)).filter((name) => listed.has(name) && !clockFunctions.has(name));
  assert.deepEqual(volatile.toSorted(), ['error']);
});
