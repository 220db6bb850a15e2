import { isYounger } from '#domain/age.ts';
import type { Cell, RowPlan } from '#domain/export-rows.ts';
import { withoutWithheld } from '#domain/form/withheld.ts';
import { sha256Hex } from '#domain/hash.ts';
import { mostBytes } from '#domain/utf8.ts';
import type { FreshLines } from '#ports/analytics-engine.ts';
import type { BlobStore } from '#ports/blob-store.ts';
import type { FeedItem, FeedPage } from '#ports/change-feed.ts';
import type { Clock } from '#ports/clock.ts';
import type { Ids } from '#ports/ids.ts';
import type { Storage } from '#ports/storage.ts';

type Deps = {
  storage: Pick<Storage, 'changes'>;
  blobs: Pick<BlobStore, 'write' | 'stream' | 'remove' | 'pathOf'>;
  clock: Clock;
  ids: Pick<Ids, 'next'>;
  /** Whoever was given a file reads it within this time. */
  readMs: number;
};

/** Of one form: what its rows are made with, and how far the exported files go. */
type Wish = { formId: string; plan: RowPlan; withheld: ReadonlySet<string>; completeTo: number };
type Kept = { key: string; to: number; names: readonly string[]; changes: number; longestLine: number; at: number };

const area = 'fresh';
const pageSize = 1000;
/** Then they become one. */
const mostFiles = 64;
/** Then they are made anew. */
const mostAgeMs = 12 * 3_600_000;
/**
 * No question is given a file of this age, of whatever process and form: half of it and the process that made the file has made others. The other half is for
 * questions that run still, and for clocks that were set back or are another host's. Milliseconds.
 */
export const freshArea = { name: area, unusedAfterMs: 2 * mostAgeMs };

/**
 * What the exported files of a form do not hold yet, as files of JSON lines: one row for each change since, as the query engine takes it. They grow with the
 * feed: each call reads only what has come since the one before, and writes it as another file, so that a query that runs keeps those it was given.
 */
export function createFreshRows({ storage, blobs, clock, ids, readMs }: Deps) {
  const forms = new Map<string, { kept: Kept; running: Promise<Kept> | undefined }>();
  const outdated: { name: string; at: number }[] = [];

  /** Changes above `completeTo`, all of those up to `to` among them, in files with later ones from one to the next. Errors: those of the store and the disk. */
  async function upTo(wish: Wish, to: number): Promise<FreshLines & { changes: number }> {
    const key = sha256Hex(JSON.stringify([wish.completeTo, wish.plan.version, wish.plan.columns, [...wish.withheld]]));
    const entry = forms.get(wish.formId) ?? {
      kept: { key, to: -1, names: [], changes: 0, longestLine: 0, at: 0 },
      running: undefined,
    };
    forms.set(wish.formId, entry);
    // One after the other: each goes on where the one before has come to.
    const before = entry.running ?? Promise.resolve(entry.kept);
    entry.running = before
      .catch(() => entry.kept)
      .then((kept) => {
        const usable = kept.key === key && isYounger(kept.at, clock.now(), mostAgeMs) ? kept : undefined;
        if (usable && usable.to >= to) return usable;
        if (!usable) retire(kept.names);
        return extend(wish, usable, key, to);
      });
    const kept = await entry.running;
    entry.kept = kept;
    return { paths: kept.names.map(blobs.pathOf), changes: kept.changes, longestLine: kept.longestLine };
  }

  async function extend(wish: Wish, kept: Kept | undefined, key: string, to: number): Promise<Kept> {
    const at = kept?.at ?? clock.now();
    const pages = pagesOf(wish.formId, Math.max(kept?.to ?? 0, wish.completeTo), to);
    const first = await pages.next();
    const before = kept?.names ?? [];
    let { changes, longestLine } = kept ?? { changes: 0, longestLine: 0 };
    if (first.done) return { key, to, names: before, changes, longestLine, at };
    const merged = before.length < mostFiles ? [] : before;
    // A page at a time: what no file holds yet may be all that there is.
    async function* bytes(): AsyncGenerator<Uint8Array> {
      for (const name of merged) yield* blobs.stream(name);
      for (let page = first; !page.done; page = await pages.next()) {
        changes += page.value.length;
        const lines = page.value.map((item) => lineOf(item, wish));
        longestLine = lines.reduce((most, line) => Math.max(most, mostBytes(line)), longestLine);
        yield Buffer.from(lines.join(''));
      }
    }
    const name = `${area}/${wish.formId.toLowerCase()}.${ids.next('ans')}.ndjson`;
    // Another process, or this one after a start, makes its own: to wait for the disk took longer than to write it, and held up the commits of responses.
    await blobs.write(name, bytes(), { durable: false });
    retire(merged);
    await removeOutdated();
    return { key, to, names: [...before.slice(merged.length), name], changes, longestLine, at };
  }

  /**
   * The pages of the feed that hold something, to its end: a response that changes after `to` was asked for, or while pages are read, moves up behind `to`, and is
   * met there. It stands as of `to` in these pages, once: so its next row, under its own number, is the newer one.
   */
  async function* pagesOf(formId: string, from: number, to: number): AsyncGenerator<FeedItem[], undefined> {
    const behind = new Set<string>();
    for (let after: number | undefined = from; after !== undefined; ) {
      const found: FeedPage = await storage.changes.list({ formId, after, limit: pageSize });
      const items = found.items.flatMap((item): FeedItem[] => {
        if (item.number < to) return [item];
        if (behind.has(idOf(item))) return [];
        behind.add(idOf(item));
        return [{ ...item, number: to }];
      });
      if (items.length > 0) yield items;
      after = found.next;
    }
    return undefined;
  }

  /** A file of a form cannot be read: the next call writes them from the beginning. */
  function forget(formId: string): void {
    const entry = forms.get(formId);
    forms.delete(formId);
    if (entry) retire(entry.kept.names);
  }

  /** A query that was given the files may still be reading them. */
  function retire(names: readonly string[]): void {
    for (const name of names) outdated.push({ name, at: clock.now() });
  }

  /** One that cannot be removed fails no question: pruning finds it when it is old. */
  async function removeOutdated(): Promise<void> {
    while (outdated.length > 0 && !isYounger(outdated[0]!.at, clock.now(), readMs))
      await blobs.remove(outdated.shift()!.name).catch(() => {});
  }

  return { upTo, forget };
}
export type FreshRows = ReturnType<typeof createFreshRows>;

const idOf = (item: FeedItem): string => ('removed' in item ? item.removed.id : item.response.id);

function lineOf(item: FeedItem, { plan, withheld }: Wish): string {
  if ('removed' in item)
    return `${JSON.stringify({ response_id: item.removed.id, _removed: true, _changed: item.number })}\n`;
  const { cells } = plan.rowOf(withoutWithheld(item.response, withheld));
  const row: Record<string, Cell> = {};
  for (const [i, { name }] of plan.columns.entries()) if (cells[i] !== null) row[name] = cells[i]!;
  return `${JSON.stringify({ ...row, _changed: item.number })}\n`;
}
