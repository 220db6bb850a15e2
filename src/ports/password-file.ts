export type FirstPassword = { email: string; password: string };

/**
 * Where the generated password of the first administrator waits for its owner: a file that only the operator of this machine can read.
 * A user whose password nobody knows would lock everybody out for good, so the file is on the disk before the user is.
 */
export interface PasswordFile {
  /** Its name, to be told to the operator. */
  readonly path: string;
  /**
   * Durable once it resolves; takes the place of an earlier one, whole or not at all.
   * Errors: `storage-unavailable` with what the operator can do; the file that was there is as it was.
   */
  write(kept: FirstPassword): Promise<void>;
  /** Takes away what `write` was given; a file that holds something else stays. */
  remove(kept: FirstPassword): Promise<void>;
  exists(): Promise<boolean>;
}
