import type { Partition } from './dataset.ts';

/** Days in a row that are to be written as one partition, in the place of those that cover some of them. `rows`: an estimate, for the progress. */
export type Span = { from: string; to: string; rows: number };

type Input = {
  partitions: readonly Partition[];
  /** What has changed since the dataset was complete. */
  changed: readonly { day: string; changes: number; newest: number }[];
  /** Partitions that must be written whatever the feed says (a file is lost, a question is withheld now). */
  spoilt: (partition: Partition) => boolean;
  /** `YYYY-MM-DD`: months before this day's are over. */
  today: string;
};

/** A merged month of so many rows, and bytes of JSON lines, is written in a second or two when one of its responses changes. */
export const mostMergedRows = 50_000;
const mostMergedBytes = 50e6;

/**
 * What has to be written so that the files hold every change, oldest days first: a day that has none, and each partition that something has changed in. The small
 * days of a month that is over become one partition: a form with ten responses a day would have 730 files a year.
 */
export function planSpans({ partitions, changed, spoilt, today }: Input): Span[] {
  const dirty = new Map<string, Span>();
  const add = (span: Span) => void dirty.set(span.from, span);
  for (const partition of partitions) {
    const touched = changed.some(({ day, newest }) => covers(partition, day) && newest > partition.completeTo);
    if (touched || spoilt(partition)) add(partition);
  }
  for (const { day, changes } of changed) {
    if (!partitions.some((partition) => covers(partition, day))) add({ from: day, to: day, rows: changes });
  }
  const spans = [...partitions.filter(({ from }) => !dirty.has(from)), ...dirty.values()];
  for (const [month, those] of Map.groupBy(spans, monthOf)) {
    const rows = those.reduce((sum, span) => sum + span.rows, 0);
    const bytes = partitions
      .filter(({ from }) => monthOf({ from }) === month)
      .reduce((sum, { jsonl }) => sum + jsonl.bytes, 0);
    if (month >= today.slice(0, 7) || those.length < 2 || rows > mostMergedRows || bytes > mostMergedBytes) continue;
    for (const { from } of those) dirty.delete(from);
    const days = those.flatMap(({ from, to }) => [from, to]).sort();
    add({ from: days[0]!, to: days.at(-1)!, rows });
  }
  return [...dirty.values()].map(({ from, to, rows }) => ({ from, to, rows })).sort(byDay);
}

/** The partitions with `fresh` in the place of those whose days it has taken over; without one that is empty. */
export function withPartition(partitions: readonly Partition[], fresh: Partition): Partition[] {
  const others = partitions.filter((partition) => partition.to < fresh.from || partition.from > fresh.to);
  return (fresh.rows > 0 ? [...others, fresh] : others).sort(byDay);
}

const covers = ({ from, to }: { from: string; to: string }, day: string): boolean => from <= day && day <= to;
const byDay = (a: { from: string }, b: { from: string }): number => (a.from < b.from ? -1 : 1);
/** A merged partition never reaches beyond its month. */
const monthOf = ({ from }: { from: string }): string => from.slice(0, 7);

/** 20,000 rows are written in half a second; what has to be read again after a start stays bounded by 200,000, which take 4 s. */
const worthUpdating = { least: 20_000, most: 200_000 };

/**
 * Whether so many changes in no file are worth an update before the night's. It writes the newest file anew, so there have to be as many as that one has rows:
 * with 20,000 for a file of any size the server did little else while 5,000 responses a second came in.
 */
export function isWorthUpdating(partitions: readonly Pick<Partition, 'rows'>[], changes: number): boolean {
  const { least, most } = worthUpdating;
  return changes > Math.min(most, Math.max(least, partitions.at(-1)?.rows ?? 0));
}
