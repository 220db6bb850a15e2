import { AggregatorRegistry, type MetricObject } from 'prom-client';
import type { Collected } from './series.ts';

/** All metrics of one process at one time, as data that can be sent to another. */
export type MetricsSnapshot = readonly (Omit<Collected, 'aggregator'> & { aggregator: string })[];

/** The exposition text of several processes together: counters and histograms added up, each gauge as its specification says. */
export async function mergedText(snapshots: MetricsSnapshot[]): Promise<{ contentType: string; body: string }> {
  const merged = AggregatorRegistry.aggregate(snapshots as unknown as MetricObject[][]);
  return { contentType: merged.contentType, body: await merged.metrics() };
}

/**
 * What is left of processes that are gone: the counters and histograms of `gone` added to those of `before`. Without it a sum would fall with every process that
 * is replaced, and Prometheus would take that for a start from nothing and count the rest again.
 */
export function outlasting(before: MetricsSnapshot, gone: MetricsSnapshot): MetricsSnapshot {
  const kept = new Map<string, MetricsSnapshot[number]>();
  for (const metric of [...before, ...gone]) {
    if (metric.type !== 'counter' && metric.type !== 'histogram') continue;
    const sums = new Map<string, Collected['values'][number]>();
    for (const sample of [...(kept.get(metric.name)?.values ?? []), ...metric.values]) {
      const key = JSON.stringify([sample.metricName, Object.entries(sample.labels).toSorted()]);
      sums.set(key, { ...sample, value: sample.value + (sums.get(key)?.value ?? 0) });
    }
    kept.set(metric.name, { ...metric, values: [...sums.values()] });
  }
  return [...kept.values()];
}
