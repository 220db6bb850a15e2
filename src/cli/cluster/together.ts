import type { MetricsSnapshot, Supervision } from '#compose.ts';
import type { ApiProcess } from './api-process.ts';

/** A process that has not answered by then is left out. Its own gauges have 2 s. Milliseconds. */
const metricsMs = 2500;
const readyMs = 2000;

/** What the processes of one `serve` say together on the metrics port. */
export function createTogether({ metrics, mergedText, outlasting }: Supervision) {
  const alive = new Set<ApiProcess>();
  let outlasted: MetricsSnapshot = [];
  const serving = () => [...alive].filter(({ seen }) => seen.state === 'serving');
  metrics.gauge('formstead_api_processes', {}, () => serving().length);

  return {
    add(process: ApiProcess): void {
      alive.add(process);
      void process.gone.then(() => {
        alive.delete(process);
        outlasted = outlasting(outlasted, process.seen.metrics ?? []);
      });
    },
    async text() {
      const asked = [...alive].filter(({ seen }) => seen.servingSince !== undefined);
      const answered = new Map(
        await Promise.all(asked.map(async (one) => [one, await one.ask('metrics', metricsMs)] as const)),
      );
      // Whoever is gone by now is in what outlasted. Whoever did not answer has counted what it had when it last did.
      const parts = asked
        .filter((one) => alive.has(one))
        .map((one) => answered.get(one) ?? outlasting([], one.seen.metrics ?? []));
      return mergedText([await metrics.snapshot(), outlasted, ...parts]);
    },
    /** Rejects when no process is ready. */
    async ready(): Promise<void> {
      const answers = serving().map(async (one) => {
        if ((await one.ask('ready', readyMs)) === undefined) throw new Error('not ready');
      });
      await Promise.any(answers);
    },
  };
}
