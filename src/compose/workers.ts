import type { Config } from '#config.ts';
import type { QueueName } from '#domain/task.ts';
import { registerModelGauges, registerTaskGauges } from '#jobs/gauges.ts';
import { classifyResponse } from '#jobs/handlers/classify-response.ts';
import { dailyExport } from '#jobs/handlers/daily-export.ts';
import { deliverWebhook } from '#jobs/handlers/deliver-webhook.ts';
import { draftReply } from '#jobs/handlers/draft-reply.ts';
import { embedResponses } from '#jobs/handlers/embed-responses.ts';
import { extractFields } from '#jobs/handlers/extract-fields.ts';
import { fanOutEmail } from '#jobs/handlers/fan-out-email.ts';
import { fanOutEvent } from '#jobs/handlers/fan-out-event.ts';
import { fitModel } from '#jobs/handlers/fit-model.ts';
import { mailSummary } from '#jobs/handlers/mail-summary.ts';
import { prune, pruneSchedule } from '#jobs/handlers/prune.ts';
import { runExport } from '#jobs/handlers/run-export.ts';
import { sealAudit } from '#jobs/handlers/seal-audit.ts';
import { sendEmail } from '#jobs/handlers/send-email.ts';
import { trainHead } from '#jobs/handlers/train-head.ts';
import { trainTagger } from '#jobs/handlers/train-tagger.ts';
import { understandResponse } from '#jobs/handlers/understand-response.ts';
import { updateDataset } from '#jobs/handlers/update-dataset.ts';
import { createReconciler } from '#jobs/reconciler.ts';
import type { Handlers } from '#jobs/registry.ts';
import { createRunner } from '#jobs/runner.ts';
import { createScheduler, type Schedule } from '#jobs/schedule.ts';
import type { Adapters } from './adapters.ts';
import type { UseCases } from './use-cases.ts';

export type Workers = { nudge(): void; start(): void; stop(graceMs: number): Promise<void> };

/** Whoever works on this queue keeps the schedules too: every one of their ticks has the same id in all processes, so several do no harm. */
const schedulingQueue: QueueName = 'default';

/** Whoever works on this queue asks the language model. */
export const modelQueue: QueueName = 'batched';

/** Loads the language model before the first response needs it. One that cannot be loaded is told by the log, by health and by every result. */
async function warm({ textModel, log }: Pick<Adapters, 'textModel' | 'log'>): Promise<void> {
  try {
    if (await textModel.model()) await textModel.warm();
  } catch (err) {
    log.warn({ err }, 'language model does not start');
  }
}

/** The workers of the given queues, the reconciler that feeds them, and the schedules. */
export function createWorkers(
  adapters: Adapters,
  useCases: UseCases,
  config: Config,
  queues: readonly QueueName[],
): Workers {
  const { storage, queue, clock, ids, log, metrics } = adapters;
  const { wantsEvent, mailNotices } = useCases;
  const afterDeath = mailNotices.died;
  const handlers: Handlers = {
    'understand-response': understandResponse(useCases.understanding),
    'classify-response': classifyResponse(useCases.modelParts, clock),
    'extract-fields': extractFields(useCases.modelParts, clock),
    'draft-reply': draftReply(useCases.modelParts, clock),
    'fit-model': fitModel(useCases.modelFitting),
    'train-head': trainHead(useCases.heads),
    'train-tagger': trainTagger(useCases.taggers),
    'embed-responses': embedResponses(useCases.reindexing, clock.now),
    'fan-out-event': fanOutEvent(useCases.delivery),
    'deliver-webhook': deliverWebhook(useCases.delivery),
    'fan-out-email': fanOutEmail(useCases.mailFanOut),
    'send-email': sendEmail(useCases.mailDelivery),
    'mail-summary': mailSummary(useCases.mailFanOut),
    'run-export': runExport(useCases.exports),
    'daily-export': dailyExport(useCases.datasets),
    'update-dataset': updateDataset(useCases.datasets),
    'seal-audit': sealAudit(useCases.sealer),
    prune: prune(useCases.pruning, storage.tasks),
  };
  const concurrency: Record<QueueName, number> = {
    'high-priority': config.concurrencyHigh,
    default: config.concurrencyDefault,
    batched: config.concurrencyBatched,
  };
  const runner = createRunner({
    storage,
    queue,
    handlers,
    wantsEvent,
    afterDeath,
    clock,
    ids,
    log,
    metrics,
    queues,
    concurrency,
  });
  const reconciler = createReconciler({ storage, queue, wantsEvent, afterDeath, clock, ids, log, metrics, queues });
  const scheduler = createScheduler({
    storage,
    schedules: schedules(config),
    clock,
    ids,
    log,
    offer: (offers) => queue.offer(offers),
  });
  registerTaskGauges({ tasks: storage.tasks, clock, metrics });
  if (queues.includes(modelQueue))
    registerModelGauges({ textModel: adapters.textModel, calls: useCases.modelCalls, clock, metrics });

  return {
    nudge: () => reconciler.nudge(),
    start() {
      runner.start();
      reconciler.start();
      if (queues.includes(schedulingQueue)) scheduler.start();
      if (queues.includes(modelQueue)) void warm(adapters);
    },
    async stop(graceMs) {
      await Promise.all([scheduler.stop(), reconciler.stop()]);
      const report = await runner.stop(graceMs);
      log.info({ ...report }, 'workers stopped');
    },
  };
}

function schedules(config: Config): Schedule[] {
  const { timeZone: zone, mailSummaryTo } = config;
  const daily = ({ hour, minute }: Config['exportAt']) => `${minute} ${hour} * * *`;
  return [
    { name: 'seal-audit', kind: 'seal-audit', everyMs: 60_000 },
    { name: 'daily-export', kind: 'daily-export', cron: daily(config.exportAt), zone },
    ...(mailSummaryTo.length > 0
      ? [{ name: 'mail-summary', kind: 'mail-summary', cron: daily(config.mailSummaryAt), zone } as const]
      : []),
    pruneSchedule,
  ];
}
