/** What the parent asks of the DuckDB process: one file of rows into one Parquet file. */
export type CopyJob = {
  /** NDJSON; null cells are left out. */
  input: string;
  gzip: boolean;
  output: string;
  /** `key`: where a row has its cell. */
  columns: { key: string; name: string; sqlType: string }[];
  rowGroupBytes: number;
  /** Bytes of the longest line at most. */
  longestLine: number;
  memoryBytes: number;
  /** Folder for what does not fit into the memory. */
  spill: string;
};

/**
 * `failed`: DuckDB's name of the error, such as `Out of Memory Error`. Its message is left behind: it may quote what somebody wrote.
 * `refused`: what the file system said, in its own words, where it was the disk.
 */
export type CopyAnswer = { rows: number } | { failed: string; refused: string | undefined };
