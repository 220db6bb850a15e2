import type { KeptResponse } from '#domain/response.ts';

/**
 * Change feed: what happened to responses, by number. Whoever keeps a copy of them (the exported files of a form) remembers the number up to which the copy is
 * complete, and asks for what came later.
 *
 * Each change of a response gives it a new number, higher than all before; so a response stands in the feed once, at its newest change, as it is now. One that
 * was removed stands there as removed. Numbers are of one store, grow over all its forms, and have gaps.
 *
 * Errors: as the storage port.
 */
export interface ChangeFeed {
  /** The number up to which the feed is complete: that of every change acknowledged before the call is not above it, and nothing is given a number up to it any more. */
  newest(): Promise<number>;
  /** Days of submission on which responses of the form changed in (`after`, `to`], in their order. */
  days(query: ChangeRange): Promise<ChangedDay[]>;
  /**
   * Changes of the form in (`after`, `to`], by number, at most `limit` (1…1000); the next page begins after the last number. Shorter than `limit` only at the end, or where responses are large.
   * A response that changes meanwhile moves up, beyond `to` perhaps: whoever must miss none reads to the end, without a `to`.
   */
  list(query: FeedQuery): Promise<FeedPage>;
}

/** `to`: not above what `newest` has said. */
export type ChangeRange = { formId: string; after: number; to: number };

/** `newest`: the highest number among the changes of that day. */
export type ChangedDay = { day: string; changes: number; newest: number };

export type FeedQuery = Omit<ChangeRange, 'to'> & { to?: number; limit: number };

export type FeedPage = {
  items: FeedItem[] /** Where the next page begins; undefined where there is none. */;
  next: number | undefined;
};

export type FeedItem =
  | { number: number; revision: number; response: KeptResponse }
  | { number: number; removed: { id: string; day: string } };
