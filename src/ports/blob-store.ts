/**
 * Blob store: files that are written once, whole, and read often (exports, heads). A name is `<area>/<file>`, both `[a-z0-9][a-z0-9._-]*`.
 * Errors: `AppError('storage-unavailable')` when the disk refuses.
 */
export interface BlobStore {
  /**
   * Writes `bytes` durably: a temporary name, fsync, rename, fsync of the folder. The same name again replaces it. With `durable: false`, for what the process can
   * make again, it is there whole or not at all as well, but may be gone or torn after a power cut.
   */
  write(name: string, bytes: Uint8Array | AsyncIterable<Uint8Array>, options?: { durable: boolean }): Promise<void>;
  read(name: string): Promise<Uint8Array | undefined>;
  /** Size in bytes and sha256 (hex, computed while reading), or undefined when it is not there. */
  describe(name: string): Promise<{ bytes: number; sha256: string } | undefined>;
  /** Where another program (DuckDB) may read it, if it is there. */
  pathOf(name: string): string;
  /**
   * The file, or a part of it (`start` and `end` inclusive), as a stream of chunks. `bytes`: the size that it must have. Errors, before the first chunk: `not-found` for
   * a file that is gone or has another size, `range-not-satisfiable`; later: `storage-unavailable`, also for a file that ends before what was asked for.
   */
  stream(name: string, range?: { start: number; end: number }, bytes?: number): AsyncIterable<Uint8Array>;
  /** A path that another program (DuckDB) may write to; `finish` makes it durable under its name, `discard` removes it. */
  stage(
    name: string,
  ): Promise<{ path: string; finish: () => Promise<{ bytes: number; sha256: string }>; discard: () => Promise<void> }>;
  remove(name: string): Promise<void>;
  /** Removes what dead processes have left half-written, when nobody has written to it for six hours; returns how many files. Harmless beside whoever writes. */
  sweep(): Promise<number>;
  /** Every area that has been written to. */
  areas(): Promise<string[]>;
  /** `at`: when it was written, epoch ms. */
  list(area: string): Promise<{ name: string; bytes: number; at: number }[]>;
}
