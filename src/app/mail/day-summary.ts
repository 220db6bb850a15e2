import { dayBounds, previousDay } from '#domain/day-bounds.ts';
import { versionId } from '#domain/form/form.ts';
import { type SummaryInput, summaryDays } from '#domain/mail/summary.ts';
import type { Storage } from '#ports/storage.ts';
import { every } from '../every.ts';

/**
 * The counts of one day and of the days before it, over all forms, as the store has them now. A day is the time between its bounds: the day that was kept with a
 * response is that of the zone at that time, and after a change of the zone another one. Errors: the signal's, when it is aborted.
 */
export async function daySummary(
  storage: Pick<Storage, 'get' | 'list' | 'responses'>,
  day: string,
  timeZone: string,
  signal: AbortSignal,
): Promise<SummaryInput> {
  const perDay = daysTo(day).map((one) => ({ day: one, range: dayBounds(timeZone, one), count: 0 }));
  const since = perDay[0]!.range.from;
  const { range } = perDay.at(-1)!;
  const forms: SummaryInput['forms'][number][] = [];
  for await (const form of every(storage, 'form')) {
    signal.throwIfAborted();
    if (form.version === 0 || form.createdAt >= range.to) continue;
    // Most forms are silent, and are asked once.
    if ((await countOf(storage, form.id, { from: since, to: range.to })) === 0) continue;
    for (const one of perDay) one.count += await countOf(storage, form.id, one.range);
    const { total, byLabel, unlabelled } = await storage.responses.analytics({ formId: form.id, fields: [], ...range });
    if (total === 0) continue;
    const version = await storage.get('form-version', versionId(form.id, form.version));
    const wantsLabels = version?.doc.intelligence?.classify !== undefined;
    forms.push({ id: form.id, title: form.title, total, byLabel, unlabelled, wantsLabels });
  }
  return { day, timeZone, perDay: perDay.map((one) => ({ day: one.day, count: one.count })), forms };
}

async function countOf(
  { responses }: Pick<Storage, 'responses'>,
  formId: string,
  range: { from: number; to: number },
): Promise<number> {
  const days = await responses.days({ formId, ...range });
  return days.reduce((sum, { count }) => sum + count, 0);
}

/** Oldest first. */
function daysTo(day: string): string[] {
  const days = [day];
  while (days.length < summaryDays) days.unshift(previousDay(days[0]!));
  return days;
}
