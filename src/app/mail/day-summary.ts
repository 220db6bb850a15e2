import { dayBounds, previousDay } from '#domain/day-bounds.ts';
import { versionId } from '#domain/form/form.ts';
import { type SummaryInput, summaryDays } from '#domain/mail/summary.ts';
import type { Storage } from '#ports/storage.ts';
import { every } from '../every.ts';

/** The counts of one day and of the days before it, over all forms, as the store has them now. Errors: the signal's, when it is aborted. */
export async function daySummary(
  storage: Pick<Storage, 'get' | 'list' | 'responses'>,
  day: string,
  timeZone: string,
  signal: AbortSignal,
): Promise<SummaryInput> {
  const perDay = new Map(daysTo(day).map((one) => [one, 0]));
  const range = dayBounds(timeZone, day);
  const since = dayBounds(timeZone, [...perDay.keys()][0]!).from;
  const forms: SummaryInput['forms'][number][] = [];
  for await (const form of every(storage, 'form')) {
    signal.throwIfAborted();
    if (form.version === 0 || form.createdAt >= range.to) continue;
    const days = await storage.responses.analytics({ formId: form.id, fields: [], from: since, to: range.to });
    for (const one of days.perDay) perDay.set(one.day, (perDay.get(one.day) ?? 0) + one.count);
    if (!days.perDay.some((one) => one.day === day && one.count > 0)) continue;
    const { total, byLabel, unlabelled } = await storage.responses.analytics({
      formId: form.id,
      fields: [],
      ...range,
    });
    const version = await storage.get('form-version', versionId(form.id, form.version));
    const wantsLabels = version?.doc.intelligence?.classify !== undefined;
    forms.push({ id: form.id, title: form.title, total, byLabel, unlabelled, wantsLabels });
  }
  return { day, timeZone, perDay: [...perDay].map(([name, count]) => ({ day: name, count })), forms };
}

/** Oldest first. */
function daysTo(day: string): string[] {
  const days = [day];
  while (days.length < summaryDays) days.unshift(previousDay(days[0]!));
  return days;
}
