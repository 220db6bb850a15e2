import type { Cell, RowPlan } from '#domain/export-rows.ts';
import { withoutWithheld } from '#domain/form/withheld.ts';
import { sha256Hex } from '#domain/hash.ts';
import type { BlobStore } from '#ports/blob-store.ts';
import type { FeedItem } from '#ports/change-feed.ts';
import type { Clock } from '#ports/clock.ts';
import type { Storage } from '#ports/storage.ts';

type Deps = {
  storage: Pick<Storage, 'changes'>;
  blobs: Pick<BlobStore, 'write' | 'stream' | 'remove' | 'list' | 'pathOf'>;
  clock: Clock;
};

/** Of one form: what its rows are made with, and how far the exported files go. */
type Wish = { formId: string; plan: RowPlan; withheld: ReadonlySet<string>; completeTo: number };
type Kept = { key: string; to: number; name: string | undefined; changes: number };

const area = 'fresh';
const page = 1000;
/** A query that was given a file reads it within a minute. */
const readMs = 120_000;

/**
 * What the exported files of a form do not hold yet, as a file of JSON lines: one row for each change since, as the query engine takes it. The file grows with the
 * feed: each call reads only what has come since the one before, and writes a new file, so that a query that runs keeps the one it was given.
 */
export function createFreshRows({ storage, blobs, clock }: Deps) {
  const forms = new Map<string, { kept: Kept; running: Promise<Kept> | undefined }>();
  const outdated: { name: string; at: number }[] = [];
  let swept: Promise<void> | undefined;

  /** Changes in (`completeTo`, `to`]; `path` is undefined where there are none. Errors: those of the store and the disk. */
  async function upTo(wish: Wish, to: number): Promise<{ path: string | undefined; changes: number }> {
    swept ??= sweep();
    await swept;
    const key = sha256Hex(JSON.stringify([wish.completeTo, wish.plan.columns, [...wish.withheld]]));
    const entry = forms.get(wish.formId) ?? { kept: { key, to: -1, name: undefined, changes: 0 }, running: undefined };
    forms.set(wish.formId, entry);
    // One after the other: each goes on where the one before has come to.
    const before = entry.running ?? Promise.resolve(entry.kept);
    entry.running = before
      .catch(() => entry.kept)
      .then((kept) =>
        kept.key === key && kept.to >= to ? kept : extend(wish, kept.key === key ? kept : undefined, key, to),
      );
    const kept = await entry.running;
    entry.kept = kept;
    return { path: kept.name === undefined ? undefined : blobs.pathOf(kept.name), changes: kept.changes };
  }

  async function extend(wish: Wish, kept: Kept | undefined, key: string, to: number): Promise<Kept> {
    const from = kept?.to ?? wish.completeTo;
    const lines: string[] = [];
    for (let after: number | undefined = Math.max(from, wish.completeTo); after !== undefined; ) {
      const found: Awaited<ReturnType<typeof storage.changes.list>> = await storage.changes.list({
        formId: wish.formId,
        after,
        to,
        limit: page,
      });
      for (const item of found.items) lines.push(lineOf(item, wish));
      after = found.next;
    }
    if (lines.length === 0) return { key, to, name: kept?.name, changes: kept?.changes ?? 0 };
    const name = `${area}/${wish.formId.toLowerCase()}.${sha256Hex(key).slice(0, 8)}.${to}.ndjson`;
    await blobs.write(name, joined(kept?.name, lines));
    if (kept?.name !== undefined) outdated.push({ name: kept.name, at: clock.now() });
    await removeOutdated();
    return { key, to, name, changes: (kept?.changes ?? 0) + lines.length };
  }

  async function* joined(before: string | undefined, lines: string[]): AsyncGenerator<Uint8Array> {
    if (before !== undefined) yield* blobs.stream(before);
    for (let i = 0; i < lines.length; i += 500) yield Buffer.from(lines.slice(i, i + 500).join(''));
  }

  async function removeOutdated(): Promise<void> {
    while (outdated.length > 0 && clock.now() - outdated[0]!.at > readMs) await blobs.remove(outdated.shift()!.name);
  }

  /** What processes of before have left. */
  async function sweep(): Promise<void> {
    for (const { name, at } of await blobs.list(area)) if (clock.now() - at > 10 * readMs) await blobs.remove(name);
  }

  return { upTo };
}
export type FreshRows = ReturnType<typeof createFreshRows>;

function lineOf(item: FeedItem, { plan, withheld }: Wish): string {
  if ('removed' in item)
    return `${JSON.stringify({ response_id: item.removed.id, _removed: true, _changed: item.number })}\n`;
  const { cells } = plan.rowOf(withoutWithheld(item.response, withheld));
  const row: Record<string, Cell> = {};
  for (const [i, { name }] of plan.columns.entries()) if (cells[i] !== null) row[name] = cells[i]!;
  return `${JSON.stringify({ ...row, _changed: item.number })}\n`;
}
