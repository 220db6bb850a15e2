import type { Config } from '#config.ts';
import type { MetricsText } from '#http/metrics-server.ts';
import type { Log } from '#ports/log.ts';
import type { Metrics } from '#ports/metrics.ts';
import { isStack } from './size.ts';

export type { MetricsSnapshot } from '#adapters/metrics-prom/merged.ts';

/** In the stack every program has its metrics there unless told otherwise: each is alone in its container. */
const stackMetricsPort = 9464;

/** Serves metrics and health where the configuration says, if it does. Errors: rejects when the port cannot be had. */
export async function listenForMetrics(
  config: Config,
  deps: { metrics: MetricsText; log: Log; shuttingDown: () => boolean; ready: () => Promise<void> },
) {
  const port = config.metricsPort ?? (isStack(config) ? stackMetricsPort : undefined);
  if (port === undefined) return undefined;
  const { metrics, log, shuttingDown, ready } = deps;
  // Here: whoever imports node:http loads undici too, 4 MB, and the embedded size has no such port by default.
  const { startMetricsServer } = await import('#http/metrics-server.ts');
  return startMetricsServer({ host: config.metricsHost, port, metrics, log, shuttingDown, ready });
}

export type Supervision = Awaited<ReturnType<typeof openSupervision>>;

/** What a supervisor of API processes needs of the outside: no store, no queue. */
export async function openSupervision(options: { log: Log; version: string }) {
  const [{ createMetrics }, { mergedText, outlasting }] = await Promise.all([
    import('#adapters/metrics-prom/metrics.ts'),
    import('#adapters/metrics-prom/merged.ts'),
  ]);
  const own = createMetrics(options);
  return {
    metrics: own as Pick<Metrics, 'count' | 'gauge'> & Pick<typeof own, 'snapshot'>,
    mergedText,
    outlasting,
    listenForMetrics,
  };
}
