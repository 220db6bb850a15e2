export type DiskReading = {
  /** Bytes an unprivileged process may still write on the file system. */
  freeBytes: number;
  totalBytes: number;
};

/** How full the disk under a directory is, that of the data as a rule. Asked on the accept path, so a reading may be up to a second old. */
export interface DiskSpace {
  /** Errors: rejects when the file system does not answer (the directory is gone, the mount is broken). */
  read(): Promise<DiskReading>;
}
