import type { AuditEntry, AuditSeal } from '#domain/audit.ts';
import type { SqlRow, SqlValue } from '../tables.ts';
import type { Reader } from '../threads.ts';

export function createAuditReads(reader: Reader, longReader: Reader) {
  const entryOf = (row: SqlRow): AuditEntry => JSON.parse(row.doc as string);
  const sealOf = (row: SqlRow): AuditSeal | undefined =>
    row.seq === null
      ? undefined
      : { seq: row.seq as number, sha256: row.sha256 as string, previous: row.previous as string };

  return {
    unsealed: async (limit: number) =>
      (await reader.all('SELECT doc FROM audit WHERE seq IS NULL ORDER BY n LIMIT ?', limit)).map(entryOf),
    unsealedCount: async () => Number((await reader.get('SELECT count(*) AS n FROM audit WHERE seq IS NULL'))?.n ?? 0),
    async lastSeal(): Promise<AuditSeal | undefined> {
      const row = await reader.get(
        'SELECT seq, sha256, previous FROM audit WHERE seq IS NOT NULL ORDER BY seq DESC LIMIT 1',
      );
      return row && sealOf(row);
    },
    async list(query: { after?: string; limit: number; action?: string }) {
      const conditions: string[] = [];
      const values: SqlValue[] = [];
      if (query.action !== undefined) {
        conditions.push('action = ?');
        values.push(query.action);
      }
      if (query.after !== undefined) {
        conditions.push('n < (SELECT n FROM audit WHERE id = ?)');
        values.push(query.after);
      }
      const rows = await reader.all(
        `SELECT * FROM audit ${conditions.length ? `WHERE ${conditions.join(' AND ')}` : ''} ORDER BY n DESC LIMIT ?`,
        ...values,
        query.limit + 1,
      );
      const items = rows.slice(0, query.limit).map((row) => ({ entry: entryOf(row), seal: sealOf(row) }));
      return { items, next: rows.length > items.length ? items.at(-1)?.entry.id : undefined };
    },
    sealed: async (after: number, limit: number) =>
      (await longReader.all('SELECT * FROM audit WHERE seq > ? ORDER BY seq LIMIT ?', after, limit)).map((row) => ({
        entry: entryOf(row),
        seal: sealOf(row)!,
      })),
  };
}
