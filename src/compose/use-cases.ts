import { createApiTokens } from '#app/access/api-tokens.ts';
import { createAuthenticate } from '#app/access/authenticate.ts';
import { createSessions, sessionLifeMs } from '#app/access/sessions.ts';
import { createUsers } from '#app/access/users.ts';
import { createAnalytics } from '#app/analytics.ts';
import { createAuditor } from '#app/audit.ts';
import { createAuditSealer } from '#app/audit-seal.ts';
import { createEmbedding } from '#app/embedding.ts';
import { createDatasets } from '#app/exports/datasets.ts';
import { createExports } from '#app/exports/exports.ts';
import { createFormCatalog } from '#app/form-catalog.ts';
import { createForms } from '#app/forms.ts';
import { createEvaluation } from '#app/insight/evaluation.ts';
import { createIntelligenceStats } from '#app/insight/intelligence-stats.ts';
import { createOperationsStats } from '#app/insight/operations-stats.ts';
import { createExamples } from '#app/learning/examples.ts';
import { createHeads } from '#app/learning/heads.ts';
import { createTaggers } from '#app/learning/taggers.ts';
import { createModelCalls } from '#app/model/calls.ts';
import { createModelFitting } from '#app/model/fit.ts';
import { createModelParts } from '#app/model/parts.ts';
import { createPruning } from '#app/pruning.ts';
import { createAnswerCache } from '#app/queries/answer-cache.ts';
import { createReceiptSigner } from '#app/receipts.ts';
import { createRefusals } from '#app/refusals.ts';
import { createResponses } from '#app/responses.ts';
import { createReviews } from '#app/reviews.ts';
import { createPlacing, duplicateRows } from '#app/search/placing.ts';
import { createReindexing } from '#app/search/reindexing.ts';
import { createSimilar } from '#app/search/similar.ts';
import { createVectorIndex } from '#app/search/vector-index.ts';
import { createTasks } from '#app/tasks.ts';
import { createUnderstanding } from '#app/understanding.ts';
import { createWebhookDelivery } from '#app/webhooks/delivery.ts';
import { createWebhookEndpoints } from '#app/webhooks/endpoints.ts';
import type { Config } from '#config.ts';
import type { NewTask } from '#domain/task.ts';
import type { Adapters } from './adapters.ts';
import { createMail } from './mail.ts';
import { createQueries } from './queries.ts';

export type UseCases = ReturnType<typeof createUseCases>;

/** For an evaluation: an answer of yesterday would take no time, and one of an evaluation is nobody else's. */
const noCache = { get: async () => undefined, set: async () => {} };

/** Every use case on its narrow part of the adapters. `nudge` makes the reconciler look for due tasks now. */
export function createUseCases(adapters: Adapters, config: Config, nudge: () => void = () => {}) {
  const { storage, clock, ids, keyRing, metrics, blobs, transport, classifier, reader, tagger, log } = adapters;
  const { timeZone } = config;
  const audit = createAuditor({ ids, clock });
  const offer = (tasks: NewTask[]): void => {
    const now = clock.now();
    const due = tasks.filter((task) => task.runAt <= now);
    if (due.length > 0)
      adapters.queue.offer(due.map(({ id, queue, priority }) => ({ id, queue, priority, attempts: 0 })));
  };

  const catalog = createFormCatalog({ storage, validator: adapters.validator, clock });
  const endpoints = createWebhookEndpoints({ storage, transport, keyRing, clock, ids, audit, offer });
  const wantsEvent = endpoints.wants;
  const delivery = createWebhookDelivery({
    storage,
    endpoints,
    transport,
    clock,
    ids,
    metrics,
    audit,
    offer,
    timeoutMs: config.webhookTimeoutMs,
  });
  const mail = createMail(adapters, config, { catalog, offer });
  const { mailNotices } = mail;
  const apiTokens = createApiTokens({ storage, keyRing, ids, clock, audit });
  const limits = {
    perAccount: config.loginFailures,
    perNetwork: config.loginFailuresPerAddress,
    windowMs: config.loginWindowMs,
  };
  const exports = createExports({
    storage,
    blobs,
    writer: adapters.exportWriter,
    disk: adapters.disk,
    diskReserveBytes: config.diskReserveBytes,
    wantsEvent,
    clock,
    ids,
    audit,
    offer,
    metrics,
  });
  const datasets = createDatasets({
    storage,
    blobs,
    writer: adapters.exportWriter,
    disk: adapters.disk,
    diskReserveBytes: config.diskReserveBytes,
    clock,
    ids,
    timeZone: config.timeZone,
    audit,
    offer,
    wantsEvent,
    metrics,
  });
  const refusals = createRefusals({ storage, clock, ids, log, timeZone, leastGroup: config.queryLeastGroup });
  const answers = createAnswerCache({ cache: adapters.cache, metrics, ids, release: adapters.version });
  const { textModel, embedder, pause } = adapters;
  const embedding = createEmbedding({ embedder, blobs, log });
  const examples = createExamples({ storage, clock, ids, audit, offer });
  const reindexing = createReindexing({ storage, catalog, embedder, clock, audit, offer });
  const newest = createVectorIndex({ storage, clock, pause, bytes: 64 * 2 ** 20, rows: duplicateRows });
  const region = undefined;
  const modelCalls = createModelCalls({ textModel, cache: adapters.cache, clock, pause, metrics });
  return {
    audit,
    modelCalls,
    modelParts: createModelParts({
      storage,
      catalog,
      textModel,
      calls: modelCalls,
      reader,
      clock,
      metrics,
      wantsEvent,
      mail: mailNotices,
      offer,
      timeZone,
      region,
      budgetMs: config.modelBudgetMs,
    }),
    modelFitting: createModelFitting({
      storage,
      catalog,
      examples,
      classifier,
      embedding,
      textModel,
      calls: modelCalls,
      clock,
    }),
    exports,
    datasets,
    evaluation: createEvaluation({
      storage,
      catalog,
      classifier,
      blobs,
      reader,
      textModel,
      calls: createModelCalls({ textModel, cache: noCache, clock, pause: adapters.pause, metrics }),
      clock,
      timeZone,
      region,
      budgetMs: config.modelBudgetMs,
    }),
    operationsStats: createOperationsStats({ storage, clock }),
    intelligenceStats: createIntelligenceStats({ storage, catalog, textModel, calls: modelCalls, clock }),
    analytics: createAnalytics({ storage, answers, clock, metrics, leastGroup: config.queryLeastGroup }),
    ...createQueries({ adapters, config, datasets, answers, audit }),
    catalog,
    endpoints,
    ...mail,
    wantsEvent,
    apiTokens,
    authenticate: createAuthenticate({ storage, tokens: adapters.tokens, apiTokens, clock }),
    users: createUsers({
      storage,
      hasher: adapters.hasher,
      passwordFile: adapters.passwordFile,
      ids,
      clock,
      audit,
    }),
    sessions: createSessions({
      storage,
      hasher: adapters.hasher,
      tokens: adapters.tokens,
      keyRing,
      ids,
      clock,
      cache: adapters.cache,
      audit,
      metrics,
      log,
      limits,
      refreshLifeMs: config.refreshTokenLifeMs,
    }),
    sealer: createAuditSealer({ storage, keyRing, clock, audit, log }),
    forms: createForms({ storage, catalog, ids, clock, audit, sendsMail: adapters.mailer.configured, offer }),
    responses: createResponses({
      storage,
      catalog,
      clock,
      ids,
      keyRing,
      disk: adapters.disk,
      wantsEvent,
      mail: mailNotices,
      offer,
      refused: refusals.count,
      timeZone,
      diskReserveBytes: config.diskReserveBytes,
    }),
    refusals,
    reviews: createReviews({ storage, catalog, clock, ids, audit, wantsEvent, offer }),
    tasks: createTasks({ storage, deliveries: delivery, mail: mailNotices, clock, audit, nudge }),
    understanding: createUnderstanding({
      storage,
      catalog,
      classifier,
      embedding,
      placing: createPlacing({ storage, index: newest, clock }),
      reader,
      tagger,
      blobs,
      textModel,
      clock,
      metrics,
      wantsEvent,
      mail: mailNotices,
      offer,
      timeZone,
      region,
    }),
    reindexing,
    similar: createSimilar({ storage, catalog, embedder, reindexing, clock, pause, log }),
    examples,
    heads: createHeads({ storage, examples, classifier, embedding, blobs, clock, log }),
    taggers: createTaggers({ storage, tagger, reader, blobs, clock, log, timeZone, region }),
    delivery,
    receipts: createReceiptSigner({ storage, keyRing, clock }),
    pruning: createPruning({
      storage,
      blobs,
      taskRetentionMs: config.taskRetentionMs,
      idempotencyLifeMs: config.idempotencyLifeMs,
      sessionLifeMs: sessionLifeMs(config.refreshTokenLifeMs),
    }),
  };
}
