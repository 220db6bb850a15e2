import { monitorEventLoopDelay } from 'node:perf_hooks';
import { collectDefaultMetrics, Gauge, type Metric, Registry } from 'prom-client';
import type { Log } from '#ports/log.ts';
import { type LabelsOf, type MetricName, type MetricSpec, type Metrics, metricTable } from '#ports/metrics.ts';
import type { MetricsSnapshot } from './merged.ts';
import { type Counter, createCounter, createHistogram, type Histogram } from './series.ts';

/** A gauge that takes longer to read is left out of this scrape. Milliseconds. */
const readTimeoutMs = 2000;
/** How often the loop's lateness is looked at: 50 timer calls a second cost nothing that can be measured. Milliseconds. */
const lagResolutionMs = 20;

type Read = () => number | undefined | Promise<number | undefined>;

/** Metrics of this process in a registry of its own: those of the table, and what prom-client knows of a Node process. */
export function createMetrics(deps: { version: string; log: Log }): Metrics & {
  /** The exposition text. Errors: none of a single metric; whatever fails is left out and logged once. */
  text(): Promise<{ contentType: string; body: string }>;
  /** The same as data, to be merged with that of other processes (merged.ts). */
  snapshot(): Promise<MetricsSnapshot>;
  /** Of that what no gauge has to be read for: a store that is closed needs not be asked. */
  counted(): Promise<MetricsSnapshot>;
  close(): void;
} {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: lagResolutionMs });
  const complain = onceForEach((name, err) => deps.log.warn({ err, metric: name }, 'metric could not be taken'));
  const counters = new Map<MetricName, Counter>();
  const histograms = new Map<MetricName, Histogram>();
  const gauges = new Map<MetricName, Map<string, { labels: Record<string, string>; read: Read }>>();

  for (const [name, spec] of Object.entries(metricTable) as [MetricName, MetricSpec][]) {
    if (spec.type === 'counter') counters.set(name, printed(name, createCounter(name, spec)));
    else if (spec.type === 'histogram') histograms.set(name, printed(name, createHistogram(name, spec)));
    else
      gauges.set(
        name,
        lazyGauge(
          { name, help: spec.help, labelNames: [...spec.labels], aggregator: spec.across, registers: [registry] },
          complain,
        ),
      );
  }

  /** The registry only calls `get()` of what it prints; its type asks for the library's own classes. */
  function printed<T extends Counter | Histogram>(name: MetricName, series: T): T {
    registry.registerMetric({ ...series, name } as unknown as Metric);
    return series;
  }

  const metrics: Metrics = {
    count(name, labels, by = 1) {
      try {
        counters.get(name)?.add(labels, by);
      } catch (err) {
        complain(name, err);
      }
    },
    observe(name, labels, value) {
      try {
        histograms.get(name)?.observe(labels, value);
      } catch (err) {
        complain(name, err);
      }
    },
    gauge(name, labels, read) {
      const ordered = Object.fromEntries(
        metricTable[name].labels.map((label) => [label, (labels as Record<string, string>)[label]!]),
      );
      gauges.get(name)?.set(JSON.stringify(ordered), { labels: ordered, read });
    },
  };

  metrics.gauge('formstead_build_info', { version: deps.version, node: process.version }, () => 1);
  const lag = loopLag(metrics);
  return {
    ...metrics,
    async counted() {
      const all = registry.getMetricsAsArray().filter(({ name }) => !gauges.has(name as MetricName));
      return (await Promise.all(all.map((metric) => (metric as unknown as Counter).get()))) as MetricsSnapshot;
    },
    async text() {
      lag.take();
      return { contentType: registry.contentType, body: await registry.metrics() };
    },
    async snapshot() {
      lag.take();
      return (await registry.getMetricsAsJSON()) as unknown as MetricsSnapshot;
    },
    close: lag.stop,
  };
}

type Complain = (name: MetricName, err: unknown) => void;
type Common = {
  name: MetricName;
  help: string;
  labelNames: string[];
  aggregator: 'sum' | 'max' | 'min';
  registers: Registry[];
};

/** A gauge that asks its readers at every scrape; one that fails or is slow is missing, the others are there. */
function lazyGauge(common: Common, complain: Complain) {
  const readers = new Map<string, { labels: Record<string, string>; read: Read }>();
  new Gauge({
    ...common,
    async collect() {
      const values = await Promise.all(
        [...readers.values()].map(async ({ labels, read }) => ({
          labels,
          value: await valueRead(common.name, read, complain),
        })),
      );
      this.reset();
      // Without labels prom-client starts from 0, which nobody measured.
      if (common.labelNames.length === 0) this.remove();
      for (const { labels, value } of values) if (value !== undefined) this.set(labels, value);
    },
  });
  return readers;
}

async function valueRead(name: MetricName, read: Read, complain: Complain): Promise<number | undefined> {
  const { promise: late, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => {
    complain(name, new Error(`no value in ${readTimeoutMs} ms`));
    resolve(undefined);
  }, readTimeoutMs);
  try {
    const value = await Promise.race([read(), late]);
    return value === undefined || Number.isNaN(value) ? undefined : value;
  } catch (err) {
    complain(name, err);
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}

/** One line of log for each metric is enough: a scrape comes every 15 seconds. */
function onceForEach(complain: Complain): Complain {
  const done = new Set<MetricName>();
  return (name, err) => {
    if (done.has(name)) return;
    done.add(name);
    complain(name, err);
  };
}

/** The event loop's lateness since the scrape before. Node measures the whole time between two timer calls, so the interval is taken off. */
function loopLag(metrics: Metrics): { take(): void; stop(): void } {
  const histogram = monitorEventLoopDelay({ resolution: lagResolutionMs });
  histogram.enable();
  let taken: Record<LabelsOf<'formstead_event_loop_lag_seconds'>['quantile'], number | undefined> = {};
  for (const quantile of ['0.5', '0.99', 'max']) {
    metrics.gauge('formstead_event_loop_lag_seconds', { quantile }, () => taken[quantile]);
  }
  const seconds = (nanoseconds: number) => Math.max(0, nanoseconds / 1e9 - lagResolutionMs / 1000);
  return {
    take() {
      const { count } = histogram;
      taken =
        count === 0
          ? {}
          : {
              '0.5': seconds(histogram.percentile(50)),
              '0.99': seconds(histogram.percentile(99)),
              max: seconds(histogram.max),
            };
      histogram.reset();
    },
    stop: () => void histogram.disable(),
  };
}
