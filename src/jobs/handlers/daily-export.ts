import type { DailyExports } from '#app/exports/daily-exports.ts';
import type { Handler } from '../registry.ts';

export function dailyExport(daily: DailyExports): Handler<'daily-export'> {
  return async ({ payload, signal }) => ({ done: { ...(await daily.request(payload.tick, signal)) } });
}
