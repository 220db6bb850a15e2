import { bytes, cidrs, duration, integer } from '../setting.ts';

export const working = {
  concurrencyHigh: integer({
    env: 'FORMSTEAD_CONCURRENCY_HIGH',
    default: 'cpus',
    min: 1,
    max: 256,
    about: 'Tasks of the queue `high-priority` that run at once.',
  }),
  concurrencyDefault: integer({
    env: 'FORMSTEAD_CONCURRENCY_DEFAULT',
    default: '4',
    min: 1,
    max: 256,
    about: 'Tasks of the queue `default` that run at once.',
  }),
  concurrencyBatched: integer({
    env: 'FORMSTEAD_CONCURRENCY_BATCHED',
    // As many as a language model has places at most: their prompts are read and written together.
    default: '8',
    min: 1,
    max: 256,
    about: 'Tasks of the queue `batched` that run at once.',
  }),
  webhookTimeoutMs: duration({
    env: 'FORMSTEAD_WEBHOOK_TIMEOUT',
    default: '15s',
    min: '100ms',
    max: '60s',
    about: 'One attempt, connect to last byte.',
  }),
  webhookAllow: cidrs({
    env: 'FORMSTEAD_WEBHOOK_ALLOW',
    about: 'Private networks that webhooks may reach, such as `127.0.0.0/8` in tests. Metadata addresses never.',
  }),
  analyticsMemoryBytes: bytes({
    env: 'FORMSTEAD_ANALYTICS_MEMORY',
    default: '768MB',
    min: '384MB',
    max: '1TB',
    about:
      'Memory of the process that writes Parquet files, and of each that answers queries. Forms of more than 100 questions need the default.',
  }),
  queryTimeoutMs: duration({
    env: 'FORMSTEAD_QUERY_TIMEOUT',
    default: '10s',
    min: '100ms',
    max: '10m',
    about: 'A query of exported files, waiting for others included; beyond it the process that answers is ended.',
  }),
  queryRows: integer({
    env: 'FORMSTEAD_QUERY_ROWS',
    default: '10000',
    min: 1,
    max: 1000000,
    about:
      'Rows of an answer; it says so when there were more: in JSON `truncated`, with a file the header `X-Truncated`, at the command line on stderr.',
  }),
  queryStaleMs: duration({
    env: 'FORMSTEAD_QUERY_STALE',
    default: '1s',
    min: '1s',
    max: '1h',
    about:
      'How old the state may be that a common query or SQL through the API answers, unless it asks for `fresh`. The longer, the more answers come from the cache.',
  }),
  queryLeastGroup: integer({
    env: 'FORMSTEAD_QUERY_LEAST_GROUP',
    default: '1',
    min: 1,
    max: 1000,
    about:
      'Common queries and the counts of a form leave out what speaks of fewer responses; 1: nothing. What that protects against: docs/reference/analytics.md.',
  }),
};
