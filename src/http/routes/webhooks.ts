import type { FastifyInstance } from 'fastify';
import type { WebhookDelivery } from '#app/webhooks/delivery.ts';
import type { EndpointChange, EndpointDraft, WebhookEndpoints } from '#app/webhooks/endpoints.ts';
import type { DeliveryStatus } from '#domain/webhook/model.ts';
import type { Stored } from '#ports/storage.ts';
import { guard } from '../auth.ts';
import type { Paging } from '../paging.ts';
import { noContent, pageOf, pageQuery } from '../schemas/common.ts';
import {
  deliverySchema,
  deliveryStartedSchema,
  endpointChangeSchema,
  endpointDraftSchema,
  endpointSchema,
  recoveredSchema,
  rotatedSecretSchema,
} from '../schemas/webhooks.ts';
import { maybeTime, time } from '../views.ts';
import { callerOf } from './forms.ts';

type Deps = { endpoints: WebhookEndpoints; delivery: WebhookDelivery; paging: Paging };
type Id = { Params: { id: string } };
type Page = { limit: number; cursor?: string };

const params = {
  type: 'object',
  required: ['id'],
  additionalProperties: false,
  properties: { id: { type: 'string', minLength: 1, maxLength: 300 } },
} as const;

/** What sends answers out of the house is for administrators only. */
export function webhookRoutes(api: FastifyInstance, { endpoints, delivery, paging }: Deps): void {
  const admin = guard('webhooks:manage');
  const tags = ['webhooks'];
  const view = ({ doc }: Stored<'endpoint'>) => ({
    id: doc.id,
    url: doc.url,
    events: doc.events,
    form_ids: doc.formIds,
    schedule: doc.schedule,
    status: doc.status,
    disabled_reason: doc.disabledReason ?? null,
    secret_hint: endpoints.hint(doc),
    created_at: time(doc.createdAt),
    updated_at: time(doc.updatedAt),
  });

  api.post<{ Body: EndpointDraft }>(
    '/webhook-endpoints',
    {
      config: { ...admin, problems: ['webhook-url-refused', 'conflict'] },
      schema: {
        tags,
        summary: 'Add an endpoint; its secret is shown this one time',
        body: endpointDraftSchema,
        response: { 201: endpointSchema },
      },
    },
    async (request, reply) => {
      const { endpoint, secret } = await endpoints.create(callerOf(request), request.body);
      reply.code(201).header('location', `/api/v1/webhook-endpoints/${endpoint.doc.id}`);
      return { ...view(endpoint), secret };
    },
  );

  api.get<{ Querystring: Page }>(
    '/webhook-endpoints',
    {
      config: admin,
      schema: {
        tags,
        summary: 'List the endpoints, newest first',
        querystring: { type: 'object', additionalProperties: false, properties: pageQuery },
        response: { 200: pageOf(endpointSchema) },
      },
    },
    async ({ query }) => {
      const page = await endpoints.list(paging.read(query, 'endpoints'));
      return paging.body(page.items.map(view), page.next, 'endpoints');
    },
  );

  api.get<Id>(
    '/webhook-endpoints/:id',
    {
      config: { ...admin, problems: ['not-found'] },
      schema: { tags, summary: 'Read an endpoint', params, response: { 200: endpointSchema } },
    },
    async (request) => view(await endpoints.get(request.params.id)),
  );

  api.patch<Id & { Body: EndpointChange }>(
    '/webhook-endpoints/:id',
    {
      config: { ...admin, problems: ['not-found', 'webhook-url-refused', 'conflict'] },
      schema: {
        tags,
        summary: 'Change, disable or enable an endpoint',
        params,
        body: endpointChangeSchema,
        response: { 200: endpointSchema },
      },
    },
    async (request) => view(await endpoints.update(callerOf(request), request.params.id, request.body)),
  );

  api.delete<Id>(
    '/webhook-endpoints/:id',
    {
      config: { ...admin, problems: ['not-found', 'conflict'] },
      schema: { tags, summary: 'Remove an endpoint', params, response: { 204: noContent } },
    },
    async (request, reply) => {
      await endpoints.remove(callerOf(request), request.params.id);
      return reply.code(204).send();
    },
  );

  api.post<Id>(
    '/webhook-endpoints/:id/test',
    {
      config: { ...admin, problems: ['not-found', 'conflict'] },
      schema: {
        tags,
        summary: 'Send a test event (webhook.test) to this endpoint, ahead of everything else',
        params,
        response: { 202: deliveryStartedSchema },
      },
    },
    async (request, reply) => {
      const { deliveryId, taskId } = await endpoints.test(callerOf(request), request.params.id);
      reply.code(202).header('location', `/api/v1/tasks/${taskId}`);
      return { delivery_id: deliveryId, task_id: taskId };
    },
  );

  api.post<Id>(
    '/webhook-endpoints/:id/rotate-secret',
    {
      config: { ...admin, problems: ['not-found', 'conflict'] },
      schema: {
        tags,
        summary: 'Make a new secret; the former one goes on signing beside it for 24 hours',
        params,
        response: { 200: rotatedSecretSchema },
      },
    },
    async (request) => ({
      id: request.params.id,
      secret: await endpoints.rotate(callerOf(request), request.params.id),
    }),
  );

  deliveryRoutes(api, delivery, paging);
}

function deliveryRoutes(api: FastifyInstance, delivery: WebhookDelivery, paging: Paging): void {
  const admin = guard('webhooks:manage');
  const tags = ['webhooks'];

  api.get<Id & { Querystring: Page & { status?: DeliveryStatus } }>(
    '/webhook-endpoints/:id/deliveries',
    {
      config: { ...admin, problems: ['not-found'] },
      schema: {
        tags,
        summary: 'Deliveries to an endpoint with every attempt, newest first',
        params,
        querystring: {
          type: 'object',
          additionalProperties: false,
          properties: { ...pageQuery, status: deliverySchema.properties.status },
        },
        response: { 200: pageOf(deliverySchema) },
      },
    },
    async ({ params: { id }, query }) => {
      const list = JSON.stringify(['deliveries', id, query.status]);
      const page = await delivery.attempts(id, { ...paging.read(query, list), status: query.status });
      return paging.body(page.items.map(deliveryView), page.next, list);
    },
  );

  api.post<Id>(
    '/deliveries/:id/redeliver',
    {
      config: { ...admin, problems: ['not-found', 'conflict', 'gone'] },
      schema: {
        tags,
        summary: 'Start an ended delivery again, under the same webhook-id',
        params,
        response: { 202: deliveryStartedSchema },
      },
    },
    async (request, reply) => {
      const taskId = await delivery.redeliver(callerOf(request), request.params.id);
      reply.code(202).header('location', `/api/v1/tasks/${taskId}`);
      return { delivery_id: request.params.id, task_id: taskId };
    },
  );

  api.post<Id & { Querystring: { since: string } }>(
    '/webhook-endpoints/:id/recover',
    {
      config: { ...admin, problems: ['not-found', 'conflict'] },
      schema: {
        tags,
        summary:
          'Send again what an endpoint has missed since a moment: what failed, and what came while it was disabled',
        params,
        querystring: {
          type: 'object',
          required: ['since'],
          additionalProperties: false,
          properties: { since: { type: 'string', format: 'date-time' } },
        },
        response: { 202: recoveredSchema },
      },
    },
    async (request, reply) => {
      const recovered = await delivery.recover(callerOf(request), request.params.id, Date.parse(request.query.since));
      return reply.code(202).send({ recovered });
    },
  );
}

type Row = Awaited<ReturnType<WebhookDelivery['attempts']>>['items'][number];

function deliveryView({ delivery, attempts }: Row): object {
  return {
    id: delivery.id,
    event_id: delivery.eventId,
    event_type: delivery.eventType,
    response_id: delivery.responseId ?? null,
    status: delivery.status,
    cancel_reason: delivery.cancelReason ?? null,
    next_attempt_at: maybeTime(delivery.nextAttemptAt),
    created_at: time(delivery.createdAt),
    finished_at: maybeTime(delivery.finishedAt),
    attempts: attempts.map((attempt) => ({
      number: attempt.number,
      at: time(attempt.at),
      duration_ms: attempt.milliseconds,
      outcome: attempt.outcome,
      http_status: attempt.httpStatus ?? null,
      excerpt: attempt.excerpt,
    })),
  };
}
