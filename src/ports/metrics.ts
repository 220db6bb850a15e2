/**
 * Metrics: every one of them in one table, from which the adapter and the reference page come.
 *
 * Labels take values from small closed sets (a route pattern, a task kind): never an id, never text that came from outside.
 */
export type MetricSpec =
  | { type: 'counter'; help: string; labels: readonly string[] }
  /** `across`: what several processes of one `serve` say together, in one scrape. Of what all of them see alike it is the highest or the lowest. */
  | { type: 'gauge'; help: string; labels: readonly string[]; across: 'sum' | 'max' | 'min' }
  | { type: 'histogram'; help: string; labels: readonly string[]; buckets: readonly number[] };

/** Seconds. The API's promise is p95 under 50 ms, so the steps are fine around it. */
const requestSeconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;
/** Seconds. From an indexed lookup to a long export. */
const taskSeconds = [0.005, 0.025, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900] as const;
/** Seconds. From the classifier head (50 µs) to a language model on a busy machine. */
const inferenceSeconds = [0.00005, 0.0002, 0.001, 0.005, 0.025, 0.1, 0.5, 1, 2.5, 5, 10, 30] as const;
/** Seconds. An fsync takes 0.2 ms on a good disk, 10 ms and more on a poor one. */
const fsyncSeconds = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5] as const;
const batchSizes = [1, 2, 4, 8, 16, 32, 64, 128, 256] as const;

export const metricTable = {
  formstead_http_requests_total: {
    type: 'counter',
    help: 'HTTP requests answered. route is the pattern, never the path.',
    labels: ['method', 'route', 'status'],
  },
  formstead_http_request_seconds: {
    type: 'histogram',
    help: 'Time from the first byte of a request to the end of its answer.',
    labels: ['method', 'route'],
    buckets: requestSeconds,
  },
  formstead_http_event_streams: { type: 'gauge', help: 'Open event streams.', labels: [], across: 'sum' },
  formstead_event_loop_lag_seconds: {
    type: 'gauge',
    help: 'How late timers ran since the last scrape; quantile is 0.5, 0.99 or max.',
    labels: ['quantile'],
    across: 'max',
  },
  formstead_responses_accepted_total: {
    type: 'counter',
    help: 'Responses answered with 202 after their commit. replayed is yes for a repeated idempotency key.',
    labels: ['replayed'],
  },
  formstead_responses_refused_total: {
    type: 'counter',
    help: 'Responses refused; reason is the code of the error.',
    labels: ['reason'],
  },
  formstead_response_answers_dropped_total: {
    type: 'counter',
    help: 'Answers to hidden questions that were dropped before the commit.',
    labels: [],
  },
  formstead_storage_batch_size: {
    type: 'histogram',
    help: 'Commits that shared one transaction.',
    labels: [],
    buckets: batchSizes,
  },
  formstead_storage_fsync_seconds: {
    type: 'histogram',
    help: 'Time the COMMIT of a batch took, in which the fsync lies.',
    labels: [],
    buckets: fsyncSeconds,
  },
  formstead_storage_bytes: {
    type: 'gauge',
    help: 'Size of the store; part is database, wal (SQLite), indexes (MongoDB). No files: of those formstead_disk_free_bytes tells what they leave.',
    labels: ['part'],
    across: 'max',
  },
  formstead_disk_free_bytes: { type: 'gauge', help: 'Free bytes under the data directory.', labels: [], across: 'min' },
  formstead_receipts_sequence: {
    type: 'gauge',
    help: 'Receipts in the chains that the processes write.',
    labels: [],
    across: 'sum',
  },
  formstead_audit_unsealed: {
    type: 'gauge',
    help: 'Audit entries that have no number and hash yet.',
    labels: [],
    across: 'max',
  },
  formstead_queue_depth: {
    type: 'gauge',
    help: 'Tasks of a queue in the store by state: pending, running, retrying.',
    labels: ['queue', 'state'],
    across: 'max',
  },
  formstead_queue_oldest_seconds: {
    type: 'gauge',
    help: 'How long the oldest due task of a queue has waited; 0 when none waits.',
    labels: ['queue'],
    across: 'max',
  },
  formstead_tasks_total: {
    type: 'counter',
    help: 'Attempts that ended, by outcome: succeeded, retrying, failed, cancelled, handed-back, lost.',
    labels: ['kind', 'outcome'],
  },
  formstead_task_seconds: {
    type: 'histogram',
    help: 'Time one attempt at a task ran.',
    labels: ['kind'],
    buckets: taskSeconds,
  },
  formstead_task_wait_seconds: {
    type: 'histogram',
    help: 'Time from the moment a task was due to its claim.',
    labels: ['queue'],
    buckets: taskSeconds,
  },
  formstead_tasks_reoffered_total: {
    type: 'counter',
    help: 'Tasks that the reconciler found due and held by nobody.',
    labels: ['queue'],
  },
  formstead_dead_letters: { type: 'gauge', help: 'Dead letters waiting for a decision.', labels: [], across: 'max' },
  formstead_dead_letters_total: { type: 'counter', help: 'Tasks that became dead letters.', labels: ['kind'] },
  formstead_webhook_attempts_total: {
    type: 'counter',
    help: 'Attempts at deliveries by outcome: succeeded, refused, timed-out, unreachable, blocked.',
    labels: ['outcome'],
  },
  formstead_webhook_attempt_seconds: {
    type: 'histogram',
    help: 'Time one attempt took, from connecting to the last byte read.',
    labels: [],
    buckets: requestSeconds,
  },
  formstead_deliveries_total: {
    type: 'counter',
    help: 'Deliveries that ended: succeeded, dead, cancelled.',
    labels: ['outcome'],
  },
  formstead_mail_attempts_total: {
    type: 'counter',
    help: 'Tries at messages by outcome: sent, refused, deferred, unreachable, interrupted, busy, not-configured, cancelled.',
    labels: ['outcome'],
  },
  formstead_mail_attempt_seconds: {
    type: 'histogram',
    help: 'Time one try took, with the wait for a connection.',
    labels: [],
    buckets: taskSeconds,
  },
  formstead_inference_seconds: {
    type: 'histogram',
    help: 'Time of one inference; kind is classify, extract or respond, tier is rules, head, tagger, embedding or llm.',
    labels: ['kind', 'tier'],
    buckets: inferenceSeconds,
  },
  formstead_inference_total: {
    type: 'counter',
    help: 'Inferences by outcome: answered, abstained, dropped, failed.',
    labels: ['kind', 'tier', 'outcome'],
  },
  formstead_model_tokens_total: {
    type: 'counter',
    help: 'Tokens of the language model; direction is read, reused (had been read before) or written.',
    labels: ['kind', 'direction'],
  },
  formstead_model_queue_seconds: {
    type: 'histogram',
    help: 'How long a question waited for a free place of the language model.',
    labels: ['kind'],
    buckets: inferenceSeconds,
  },
  formstead_model_first_token_seconds: {
    type: 'histogram',
    help: 'Time from a question to the first token of its answer, waiting included.',
    labels: ['kind'],
    buckets: inferenceSeconds,
  },
  formstead_model_state: {
    type: 'gauge',
    help: 'What the process of a model is, 1 for the one that holds: none, stopped, starting, ready, failed.',
    labels: ['purpose', 'state'],
    across: 'sum',
  },
  formstead_model_memory_bytes: {
    type: 'gauge',
    help: 'Memory (resident set) of the process that runs a model.',
    labels: ['purpose'],
    across: 'sum',
  },
  formstead_model_breaker_open: {
    type: 'gauge',
    help: '1 while the language model is not asked because it failed several times in a row.',
    labels: [],
    across: 'max',
  },
  formstead_model_restarts: {
    type: 'gauge',
    help: 'Times the process of a model was started again; reason is crashed, memory, hung or unfit.',
    labels: ['purpose', 'reason'],
    across: 'sum',
  },
  formstead_fields_dropped_total: {
    type: 'counter',
    help: 'Values that a tier named and that were dropped: reason is not-grounded, wrong-type or unsure.',
    labels: ['tier', 'reason'],
  },
  formstead_export_rows_total: { type: 'counter', help: 'Rows written into export files.', labels: ['format'] },
  formstead_export_seconds: {
    type: 'histogram',
    help: 'Time one export took.',
    labels: ['format'],
    buckets: taskSeconds,
  },
  formstead_dataset_rows_total: { type: 'counter', help: 'Rows written into the exported files of forms.', labels: [] },
  formstead_dataset_update_seconds: {
    type: 'histogram',
    help: 'Time one update of the exported files of a form took.',
    labels: [],
    buckets: taskSeconds,
  },
  formstead_analytics_queries_total: {
    type: 'counter',
    help: 'Analytics queries by outcome: hit (the cache answered), miss, refused, timed-out, abandoned (who asked has gone), failed.',
    labels: ['outcome'],
  },
  formstead_analytics_query_seconds: {
    type: 'histogram',
    help: 'Time of one analytics query that the cache did not answer.',
    labels: [],
    buckets: taskSeconds,
  },
  formstead_logins_total: {
    type: 'counter',
    help: 'Logins by outcome: succeeded, failed, throttled.',
    labels: ['outcome'],
  },
  formstead_rate_limited_total: {
    type: 'counter',
    help: 'Requests answered 429; limit names the limit.',
    labels: ['limit'],
  },
  formstead_api_processes: {
    type: 'gauge',
    help: 'API processes under the supervisor that accept requests; nothing where there is no supervisor.',
    labels: [],
    across: 'sum',
  },
  formstead_api_replacements_total: {
    type: 'counter',
    help: 'API processes that the supervisor replaced; reason is died, hung, memory or reload.',
    labels: ['reason'],
  },
  formstead_build_info: {
    type: 'gauge',
    help: 'Always 1; the labels say what runs.',
    labels: ['version', 'node'],
    across: 'max',
  },
} as const satisfies Record<`formstead_${string}`, MetricSpec>;

type Table = typeof metricTable;
type NameOf<K extends MetricSpec['type']> = { [N in keyof Table]: Table[N]['type'] extends K ? N : never }[keyof Table];

export type MetricName = keyof Table;
export type CounterName = NameOf<'counter'>;
export type GaugeName = NameOf<'gauge'>;
export type HistogramName = NameOf<'histogram'>;
/** Exactly the labels of the table: a missing or an unknown one is a type error. */
export type LabelsOf<N extends MetricName> = Table[N]['labels'] extends readonly []
  ? Record<string, never>
  : Record<Table[N]['labels'][number], string>;

/** Counting never throws and never waits: a broken metric must not break what it measures. */
export interface Metrics {
  /** Adds `by` (default 1, never negative) to a counter. */
  count<N extends CounterName>(name: N, labels: LabelsOf<N>, by?: number): void;
  /** Puts one value into a histogram: seconds, or the unit that the help text names. */
  observe<N extends HistogramName>(name: N, labels: LabelsOf<N>, value: number): void;
  /** `read` is called at every scrape; a second call with the same name and labels replaces the first. Undefined or a rejection leaves the value out. */
  gauge<N extends GaugeName>(
    name: N,
    labels: LabelsOf<N>,
    read: () => number | undefined | Promise<number | undefined>,
  ): void;
}
