import type { Datasets } from '#app/exports/datasets.ts';
import type { Handler } from '../registry.ts';

export function dailyExport(datasets: Datasets): Handler<'daily-export'> {
  return async ({ payload, signal }) => ({ done: { ...(await datasets.requestAll(payload.tick, signal)) } });
}
