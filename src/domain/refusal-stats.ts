import type { CountTable } from './count-table.ts';
import { isLargeGroup } from './queries/least-group.ts';
import type { FailureCount } from './refusals.ts';

/** Counts are null where they speak of some responses, but of fewer than the least group. */
export type RefusalDay = { day: string; refused: number | null; accepted: number | null };

/** What a form refused beside what it accepted. */
export type RefusalStats = {
  formId: string;
  /** Days, both taken in, `YYYY-MM-DD`. */
  from: string;
  to: string;
  refused: number | null;
  accepted: number | null;
  /** 0 to 1, of both; null where nothing came, or one of them is null. */
  shareRefused: number | null;
  byQuestion: FailureCount[];
  byDay: RefusalDay[];
  /** Counts that are null, or left out of `byQuestion`, for being of too few: of all, and of each table alone. */
  suppressed: number;
  suppressedIn: Record<RefusalTable, number>;
  /** When it was counted, epoch ms. */
  asOf: number;
};

type Counted = Pick<RefusalStats, 'formId' | 'from' | 'to' | 'byQuestion' | 'asOf'> & {
  refused: number;
  accepted: number;
  byDay: readonly { day: string; refused: number; accepted: number }[];
};

/** What may be shown of what was counted. A `leastGroup` of 1: all. */
export function refusalStats(
  { refused, accepted, byQuestion, byDay, ...rest }: Counted,
  leastGroup: number,
): RefusalStats {
  const shown = (count: number): boolean => isLargeGroup(count, leastGroup);
  const orNull = (count: number): number | null => (shown(count) ? count : null);
  const total = { refused: orNull(refused), accepted: orNull(accepted) };
  const all = refused + accepted;
  const questions = byQuestion.filter(({ count }) => shown(count));
  const days = byDay.map((day) => ({ day: day.day, refused: orNull(day.refused), accepted: orNull(day.accepted) }));
  const suppressedIn = {
    by_question: byQuestion.length - questions.length,
    per_day: nulls(days.flatMap((day) => [day.refused, day.accepted])),
  };
  return {
    ...rest,
    ...total,
    shareRefused: all === 0 || total.refused === null || total.accepted === null ? null : refused / all,
    byQuestion: questions,
    byDay: days,
    suppressed: nulls([total.refused, total.accepted]) + suppressedIn.by_question + suppressedIn.per_day,
    suppressedIn,
  };
}

function nulls(counts: readonly (number | null)[]): number {
  return counts.filter((count) => count === null).length;
}

export const refusalTables = ['by_question', 'per_day'] as const;
export type RefusalTable = (typeof refusalTables)[number];

export function refusalTable(
  name: RefusalTable,
  { byQuestion, byDay }: Pick<RefusalStats, 'byQuestion' | 'byDay'>,
): CountTable {
  switch (name) {
    case 'by_question':
      return { columns: { question: 'VARCHAR', code: 'VARCHAR', count: 'BIGINT' }, rows: byQuestion };
    case 'per_day':
      return { columns: { day: 'DATE', refused: 'BIGINT', accepted: 'BIGINT' }, rows: byDay };
  }
}
