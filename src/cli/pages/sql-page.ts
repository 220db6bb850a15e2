import {
  analystFunctions,
  analystTableFunctions,
  deepestBrackets,
  deepestTree,
  longestRange,
  longestSql,
} from '#domain/analyst-functions.ts';

/** docs/reference/sql.md: what an analyst may write. */
export function sqlPage(madeBy: string): string {
  const number = (count: number) => count.toLocaleString('en');
  const functions = Object.entries(analystFunctions).map(
    ([about, names]) => `| ${about} | ${names.map((name) => `\`${name.replaceAll('|', '\\|')}\``).join(' ')} |`,
  );
  return `# SQL for analysts

${madeBy}

One \`SELECT\` in DuckDB's dialect, over tables that hold what the exports hold and what has come in since. It is read by DuckDB's own parser, and what the parser made of
it is checked part by part (\`src/adapters/analytics-duckdb/guard/\`): a kind of part, a table or a function that is not known to be harmless is refused, with the reason.

\`\`\`sql
WITH daily AS (
  SELECT day, label, count(*) AS n FROM responses WHERE day >= $from::DATE GROUP BY ALL
)
SELECT days.day::DATE AS day, label, coalesce(n, 0) AS n
FROM generate_series(DATE '2026-11-01', DATE '2026-11-30', INTERVAL 1 DAY) AS days(day)
LEFT JOIN daily ON daily.day = days.day
ORDER BY ALL
\`\`\`

## What may be written
- \`SELECT\` with \`WITH\` (also \`RECURSIVE\`), joins of every kind, subqueries, \`UNION\` and its like, \`GROUP BY\` with \`ROLLUP\`, \`CUBE\` and \`GROUPING SETS\`, \`HAVING\`, windows, \`QUALIFY\`,
  \`DISTINCT ON\`, \`ORDER BY\`, \`LIMIT\`, \`VALUES\`, samples, lambdas, lists, structs, maps and JSON.
- In \`FROM\`: the tables, by name and without a schema; queries of \`WITH\`; subqueries; \`${analystTableFunctions.join('`, `')}\`.
- \`range\` and \`generate_series\` take constants only and make at most ${number(longestRange)} values.
- The functions [below](#functions), called by their name alone.
- Casts to numbers, texts, days and times, intervals, \`BOOLEAN\`, \`UUID\`, \`BLOB\`, \`JSON\`, and lists, arrays, structs and maps of them.
- Parameters: \`$name\`, or \`?\` and \`$1\`. Their values are texts, numbers, true, false and null. Where DuckDB knows the type before it has the value (\`stars > $min\`), a value of
  another one is refused; elsewhere say it (\`$from::DATE\`).

## What is refused
- Everything that is no single \`SELECT\`: whatever writes, attaches, copies, installs, loads or sets; \`PRAGMA\`, \`CALL\`, \`EXPLAIN\`; two statements. Semicolons and comments after the one are passed over.
- Files and addresses in every form (\`FROM 'x.csv'\`, \`read_text(…)\`, \`glob(…)\`, \`sniff_csv(…)\`), catalogs and schemas (\`information_schema\`, \`duckdb_…\`, \`pg_…\`), \`query(…)\`, settings, the
  environment, the session, chance, sequences, waiting.
- \`PIVOT\`, \`UNPIVOT\`, \`DESCRIBE\`, \`SUMMARIZE\`, \`SHOW\`, \`AT (VERSION …)\`.
- More than ${number(longestSql)} characters, brackets more than ${deepestBrackets} deep (those in texts and comments count as well), and parts of the parsed query more than ${deepestTree} deep.

The check is the second of three walls. The process that runs the query has none of the server's environment and no file but the snapshot, opened read-only, with external
access off and the settings locked; and in the snapshot the masked columns are null, so that no query can reach what they held.

## Limits
Time, rows, memory, disk for what does not fit into memory, and the bytes of the answer are limited for each question. They hold because they are kept from outside: a query
that does not stop within a second of its deadline is ended with its process, and so is a process that grows beyond its mark. With a mark of 512 MiB,
eight queries that ask for one gigabyte or two took their processes to 582 MiB at most. A single value of an answer is made in one go, and the memory looked at again after it: rows of sixty
lists, each of a million dates or structs, took 700 MiB (\`node --test test/integration/analytics-limits.test.ts\` prints both).

| error | meaning |
| --- | --- |
| \`query-refused\` | it is not allowed or not SQL, or a parameter is missing or of another type; the message says what to write |
| \`query-failed\` | DuckDB's own message: an unknown column, a text that is no number |
| \`query-too-slow\` | the time was spent |
| \`query-too-large\` | the memory, the disk, or the size of the answer |
| \`data-damaged\` | a file is missing, torn, or has another count of rows than the manifest says |
| \`disk-nearly-full\` | the copy of the tables that SQL is asked of would not leave \`FORMSTEAD_DISK_RESERVE\` free, or the disk is full |
| \`engine-unavailable\` | no place was free in time, or the process could not be started or died twice over the question; ask again |

## Values
| type | in JSON |
| --- | --- |
| \`TINYINT\` … \`UBIGINT\`, \`HUGEINT\`, \`UHUGEINT\` | a number; beyond ±(2^53 − 1) a text of its digits |
| \`DECIMAL\` | a number up to 15 digits in all, a text for wider types |
| \`FLOAT\`, \`DOUBLE\` | a number; \`NaN\`, \`Infinity\` (also what is written as \`1e400\`) and \`-Infinity\` as texts |
| \`BOOLEAN\`, \`VARCHAR\`, \`UUID\`, \`JSON\` | true or false; texts |
| \`DATE\`, \`TIME\`, \`INTERVAL\` | \`2026-11-27\`, \`10:00:00\`, \`1 month 2 days\` |
| \`TIMESTAMP\` | \`2026-11-27T10:00:00.5\`, a local time |
| \`TIMESTAMP WITH TIME ZONE\` | \`2026-11-27T10:00:00.000Z\`, with six digits where there are microseconds; the zone of the session is UTC |
| \`BLOB\` | base64 |
| \`T[]\`, \`STRUCT\`, \`MAP\` | a list, an object, a list of \`[key, value]\`; a row of several parts without names (\`row(1, 2)\`) is refused |

In a CSV file a list, a struct or a map is JSON, numbers are numbers whatever their size (and \`Infinity\`, \`-Infinity\`, \`NaN\` bare words), and a text that a spreadsheet would take for a formula has a leading single quote.

A byte order mark (U+FEFF) that a text begins with is left out, but for a Parquet file; DuckDB itself counts and compares it.

Two columns of one name get different ones: \`a\`, \`a:1\`. A struct with the key \`__proto__\` is refused, but for a Parquet file.

In a Parquet file, which knows no whole numbers of that size, \`HUGEINT\` and \`UHUGEINT\` are \`DOUBLE\`: exact up to ±2^53. A \`sum\` of whole numbers is a
\`HUGEINT\`; one that must be exact is \`sum(x)::BIGINT\`.

## Functions
Chosen from \`duckdb_functions()\` of the pinned version: what takes and gives values. Operators are functions as well.

| about | functions |
| --- | --- |
${functions.join('\n')}
`;
}
