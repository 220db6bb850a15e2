import type { Response } from '#domain/response.ts';
import {
  type Chain,
  countedValues,
  type Link,
  type ResponseCounts,
  type ResponseDay,
  type Storage,
} from '#ports/storage.ts';
import { docOf, type SqlRow, type SqlValue } from '../tables.ts';
import type { Reader } from '../threads.ts';

/** `rootTaskId` of a response, as SQL. */
const rootTask = `'tsk_' || substr(responses.id, 5)`;

type DaysQuery = Parameters<Storage['responses']['days']>[0];

export function createResponseReads(reader: Reader) {
  /**
   * By index where it can be: total, days and labels read `responses_day` alone; values of questions read the form's answers. Numbers are compared as JavaScript has
   * them, as doubles: SQLite's own whole numbers go beyond what can be read.
   */
  async function analytics(query: {
    formId: string;
    fields: string[];
    from?: number;
    to?: number;
  }): Promise<ResponseCounts> {
    const range = `form_id = ?${query.from === undefined ? '' : ' AND at >= ?'}${query.to === undefined ? '' : ' AND at < ?'}`;
    const bound: SqlValue[] = [
      query.formId,
      ...(query.from === undefined ? [] : [query.from]),
      ...(query.to === undefined ? [] : [query.to]),
    ];
    const [days, labels, ...fields] = await Promise.all([
      reader.all(`SELECT day, count(*) AS count FROM responses WHERE ${range} GROUP BY day ORDER BY day`, ...bound),
      reader.all(
        `SELECT label, count(*) AS count FROM responses WHERE ${range} GROUP BY label ORDER BY count DESC, label`,
        ...bound,
      ),
      ...query.fields.map((field) =>
        reader.all(
          `SELECT CASE v.type WHEN 'integer' THEN CAST(v.value AS REAL) ELSE v.value END AS value,
             v.type IN ('true', 'false') AS boolean, count(*) AS count
           FROM responses, json_each(answers) AS q,
             json_each(CASE q.type WHEN 'array' THEN q.value WHEN 'true' THEN '[true]' WHEN 'false' THEN '[false]' ELSE json_array(q.value) END) AS v
           WHERE ${range} AND q.key = ?
             AND (v.type IN ('integer', 'real', 'true', 'false') OR v.type = 'text' AND length(v.value) <= ${countedValues.longest})
           GROUP BY 1, 2 ORDER BY 3 DESC, 1 LIMIT ${countedValues.most}`,
          ...bound,
          field,
        ),
      ),
    ]);
    const counted = labels.filter((row) => row.label !== null);
    return {
      total: days.reduce((sum, row) => sum + Number(row.count), 0),
      perDay: days.map((row) => ({ day: row.day as string, count: Number(row.count) })),
      byLabel: counted.map((row) => ({
        label: row.label === '' ? null : (row.label as string),
        count: Number(row.count),
      })),
      unlabelled: labels.filter((row) => row.label === null).reduce((sum, row) => sum + Number(row.count), 0),
      byField: Object.fromEntries(
        query.fields.map((field, i) => [
          field,
          fields[i]!.map((row) => ({
            // SQLite gives a JSON boolean as 1 or 0.
            value: row.boolean === 1 ? row.value === 1 : (row.value as string | number),
            count: Number(row.count),
          })),
        ]),
      ),
    };
  }

  /** `+at` keeps SQLite from the index by time where days are named: by that one it would read the days beside them too. */
  async function days({ formId, from = 0, to = Number.MAX_SAFE_INTEGER, only }: DaysQuery): Promise<ResponseDay[]> {
    const range = only ? 'day >= ? AND day <= ? AND +at >= ? AND +at < ?' : 'at >= ? AND at < ?';
    const rows = await reader.all(
      `SELECT day, count(*) AS count, min(at) AS first, max(at) AS last FROM responses
       WHERE form_id = ? AND ${range} GROUP BY day ORDER BY day`,
      formId,
      ...(only ? [only.from, only.to] : []),
      from,
      to,
    );
    return rows.map((row) => ({
      day: row.day as string,
      count: Number(row.count),
      first: Number(row.first),
      last: Number(row.last),
    }));
  }

  async function chains(): Promise<Chain[]> {
    const rows = await reader.all('SELECT * FROM chains ORDER BY rowid');
    return rows.map(chainOf);
  }

  /** One statement, so that a response and its tasks are of the same moment: a running server ends a task between two. */
  async function links(after: number, limit: number): Promise<Link[]> {
    const rows = await reader.all(
      `SELECT responses.*, (SELECT json_group_array(json_object('id', id, 'status', status)) FROM tasks WHERE root = ${rootTask}) AS steps
       FROM responses WHERE n > ? ORDER BY n LIMIT ?`,
      after,
      limit,
    );
    return rows.map((row) => {
      const response = docOf('response', row) as Response & { receipt: Link['receipt'] };
      return {
        position: row.n as number,
        receipt: response.receipt,
        response,
        steps: JSON.parse(row.steps as string) as Link['steps'],
      };
    });
  }

  return { analytics, days, chains, links };
}

export function chainOf(row: SqlRow): Chain {
  return {
    id: row.id as string,
    startedAt: row.started_at as number,
    previous: row.previous === null ? undefined : JSON.parse(row.previous as string),
    signed: row.signed === null ? undefined : JSON.parse(row.signed as string),
  };
}
