import { dayIn } from '#domain/day.ts';
import { dayBounds, previousDay } from '#domain/day-bounds.ts';
import { derivedUuid } from '#domain/derived-id.ts';
import type { ExportFormat } from '#domain/export.ts';
import type { Storage } from '#ports/storage.ts';
import type { Exports } from './exports.ts';

type Deps = { storage: Pick<Storage, 'list' | 'responses'>; exports: Pick<Exports, 'request'>; timeZone: string };

const formats = ['parquet', 'jsonl'] as const satisfies ExportFormat[];
const caller = { actor: { kind: 'system', id: 'daily-export' } } as const;

/** Asks for the exports of yesterday: of each published form with responses on the day before `tick`'s day, in the installation's time zone. */
export function createDailyExports({ storage, exports, timeZone }: Deps) {
  async function request(tick: number, signal: AbortSignal): Promise<{ day: string; exports: number }> {
    const day = previousDay(dayIn(timeZone, tick));
    const range = dayBounds(timeZone, day);
    let requested = 0;
    let after: string | undefined;
    do {
      const forms = await storage.list('form', { limit: 100, after });
      for (const { doc: form } of forms.items) {
        signal.throwIfAborted();
        if (form.version === 0 || form.createdAt >= range.to) continue;
        const { total } = await storage.responses.analytics({ formId: form.id, fields: [], ...range });
        if (total === 0) continue;
        for (const format of formats) {
          const id = dailyExportId(form.id, day, format, range.to);
          await exports.request(caller, { formId: form.id, format, ...range }, { id, waited: false });
          requested += 1;
        }
      }
      after = forms.next;
    } while (after !== undefined);
    return { day, exports: requested };
  }

  return { request };
}
export type DailyExports = ReturnType<typeof createDailyExports>;

/** The same for the same form, day and format, so that asking twice asks once. Looks like any other: a UUIDv7 whose time is the end of the day. */
export function dailyExportId(formId: string, day: string, format: ExportFormat, dayEnd: number): string {
  return `exp_${derivedUuid(dayEnd, `daily-export\n${formId}\n${day}\n${format}`)}`;
}
