/** A small table of what the store has counted, as a file is to hold it. Types as DuckDB writes them; a DATE is `YYYY-MM-DD`. */
export type CountTable = {
  columns: Readonly<Record<string, 'VARCHAR' | 'BIGINT' | 'DOUBLE' | 'DATE'>>;
  /** What a row does not name is null. */
  rows: readonly Readonly<Record<string, string | number | null>>[];
};
