/**
 * What an id names: frm form, rsp response, tsk task, whe webhook endpoint, evt event, dlv delivery, exp export, usr user, ses session,
 * tok API token, adt audit entry, chn receipt chain, lse lease, exb batch of examples.
 */
export type IdPrefix =
  | 'frm'
  | 'rsp'
  | 'tsk'
  | 'whe'
  | 'evt'
  | 'dlv'
  | 'exp'
  | 'usr'
  | 'ses'
  | 'tok'
  | 'adt'
  | 'chn'
  | 'lse'
  | 'exb'
  | 'ans';

/** The only source of fresh ids and of chance. */
export interface Ids {
  /**
   * `prefix_` and a UUIDv7 (RFC 9562) in lower-case hex with hyphens, 40 characters. Ids of one process sort in the order they were made, so a table keyed
   * by them grows at its end. An id is not a secret: it tells its time, and its neighbours are guessable.
   */
  next<P extends IdPrefix>(prefix: P): `${P}_${string}`;
  /** `count` bytes from the system's cryptographic generator: for salts, secrets and nonces. */
  randomBytes(count: number): Uint8Array;
  /** 0 ≤ x < 1, for jitter and sampling. Not for secrets. */
  chance(): number;
}
