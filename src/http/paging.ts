import { AppError } from '#domain/errors.ts';
import type { KeyRing } from '#ports/key-ring.ts';

/** What a list was asked for: at most `limit` entries after `after`, the store's own mark of a place (undefined: from the beginning). */
export type PageRequest = { limit: number; after: string | undefined };

export type Paging = {
  /**
   * Reads `limit` and `cursor` of a query that `pageQuery` has validated. `list` names the list and everything that narrows it (form, filters): a cursor is
   * good for the list that gave it and no other. Errors: `bad-cursor`.
   */
  read(query: { limit: number; cursor?: string }, list: string): PageRequest;
  /** The body of a page: `next` is the store's mark after its last entry, undefined when there are no more. */
  body<T>(items: T[], next: string | undefined, list: string): { items: T[]; next_cursor: string | null };
};

/** Cursors are the store's mark and an HMAC over it and the list: opaque, and what is sent back is what was given. */
export function createPaging({ keyRing }: { keyRing: Pick<KeyRing, 'hmac' | 'verifyHmac' | 'keyIds'> }): Paging {
  return {
    read({ limit, cursor }, list) {
      if (cursor === undefined) return { limit, after: undefined };
      const [, mark, mac] = /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{43})$/.exec(cursor) ?? [];
      if (mark === undefined || mac === undefined) throw badCursor();
      const after = Buffer.from(mark, 'base64url').toString();
      const given = Buffer.from(mac, 'base64url');
      // A cursor outlives the rotation of the secret: any key of the ring will do.
      const genuine = keyRing
        .keyIds('cursors')
        .some((keyId) => keyRing.verifyHmac('cursors', keyId, bound(list, after), given));
      if (!genuine) throw badCursor();
      return { limit, after };
    },
    body(items, next, list) {
      return { items, next_cursor: next === undefined ? null : cursorOf(next, list) };
    },
  };

  function cursorOf(next: string, list: string): string {
    const mac = Buffer.from(keyRing.hmac('cursors', bound(list, next)));
    return `${Buffer.from(next).toString('base64url')}.${mac.toString('base64url')}`;
  }
}

function bound(list: string, mark: string): string {
  return JSON.stringify([list, mark]);
}

function badCursor(): AppError {
  return new AppError('bad-cursor', {
    detail: 'Take next_cursor of a page of this very list, or leave the cursor out',
  });
}
