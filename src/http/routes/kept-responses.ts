import type { FastifyInstance } from 'fastify';
import type { Learning } from '#app/learning.ts';
import type { Correction, Reviews } from '#app/reviews.ts';
import type { Example } from '#domain/learning.ts';
import { responseView } from '#domain/response-view.ts';
import { guard } from '../auth.ts';
import { acceptNdjson } from '../media.ts';
import type { Paging } from '../paging.ts';
import { keepable, pageOf, pageQuery, startedTaskSchema, timeSchema } from '../schemas/common.ts';
import { formParams } from '../schemas/forms.ts';
import { responseSchema, reviewSchema } from '../schemas/responses.ts';
import { callerOf } from './forms.ts';

type Id = { Params: { id: string } };
type ListQuery = {
  limit: number;
  cursor?: string;
  label?: string;
  status?: 'accepted' | 'completed';
  from?: string;
  to?: string;
  q?: string;
};

const idParams = {
  type: 'object',
  required: ['id'],
  additionalProperties: false,
  properties: { id: { type: 'string', minLength: 1, maxLength: 100 } },
} as const;

/** Reading responses and correcting what was understood. */
export function keptResponseRoutes(
  api: FastifyInstance,
  { reviews, paging }: { reviews: Reviews; paging: Paging },
): void {
  const read = guard('responses:read');
  const correct = guard('responses:review');
  const tags = ['responses'];

  api.get<Id & { Querystring: ListQuery }>(
    '/forms/:id/responses',
    {
      config: { ...read, problems: ['form-not-found', 'bad-cursor'] },
      schema: {
        tags,
        summary: 'List the responses of a form, newest first',
        params: formParams,
        querystring: {
          type: 'object',
          additionalProperties: false,
          properties: {
            ...pageQuery,
            label: {
              type: 'string',
              maxLength: 64,
              description: 'The label that counts; empty for those that belong to none.',
            },
            status: { enum: ['accepted', 'completed'] },
            from: { ...timeSchema, description: 'Submitted at or after.' },
            to: { ...timeSchema, description: 'Submitted before.' },
            q: {
              type: 'string',
              minLength: 1,
              maxLength: 200,
              description: 'Part of an answer; the case of ASCII letters is ignored.',
            },
          },
        },
        response: { 200: pageOf(responseSchema) },
      },
    },
    async ({ params, query }) => {
      const { limit, cursor, label, status, from, to, q } = query;
      const list = JSON.stringify(['responses', params.id, label, status, from, to, q]);
      const page = await reviews.list(params.id, {
        ...paging.read({ limit, cursor }, list),
        label,
        status,
        from: from === undefined ? undefined : Date.parse(from),
        to: to === undefined ? undefined : Date.parse(to),
        text: q,
        newestFirst: true,
      });
      return paging.body(
        page.items.map(({ doc }) => responseView(doc)),
        page.next,
        list,
      );
    },
  );

  api.get<Id>(
    '/responses/:id',
    {
      config: { ...read, problems: ['response-not-found'] },
      schema: {
        tags,
        summary: 'Read a response with what was understood and how',
        params: idParams,
        response: { 200: responseSchema },
      },
    },
    async ({ params }) => responseView((await reviews.get(params.id)).doc),
  );

  api.post<Id & { Body: Correction }>(
    '/responses/:id/review',
    {
      config: { ...correct, problems: ['response-not-found', 'value-refused', 'conflict'] },
      schema: {
        tags,
        summary: "Keep a person's correction beside the machine's result, and learn from it",
        params: idParams,
        body: reviewSchema,
        response: { 200: responseSchema },
      },
    },
    async (request) => responseView(await reviews.review(callerOf(request), request.params.id, request.body)),
  );

  api.post<Id>(
    '/responses/:id/reprocess',
    {
      config: { ...correct, problems: ['response-not-found', 'conflict'] },
      schema: {
        tags,
        summary: 'Read a response again with what is known now',
        params: idParams,
        response: { 202: startedTaskSchema },
      },
    },
    async (request, reply) => {
      const taskId = await reviews.reprocess(callerOf(request), request.params.id);
      reply.code(202).header('location', `/api/v1/tasks/${taskId}`);
      return { task_id: taskId };
    },
  );
}

const exampleSchema = {
  type: 'object',
  required: ['text', 'label'],
  additionalProperties: false,
  properties: {
    text: { type: 'string', minLength: 1, maxLength: 5000, ...keepable },
    label: { type: ['string', 'null'], maxLength: 64, description: 'null: none of the labels.' },
  },
} as const;

const uploadedSchema = {
  ...startedTaskSchema,
  properties: { ...startedTaskSchema.properties, kept: { type: 'integer', description: 'Examples that were new.' } },
} as const;

const headSchema = {
  type: 'object',
  required: ['head'],
  properties: {
    head: {
      type: ['object', 'null'],
      description: 'null: none has been trained yet.',
      properties: {
        sha256: { type: 'string' },
        labels: { type: 'array', items: { type: 'string' } },
        examples: { type: 'integer' },
        accuracy: { type: ['number', 'null'], description: 'Share of held-back examples it got right; null: too few.' },
        calibration_error: { type: ['number', 'null'] },
        threshold: { type: 'number', description: 'Below this confidence a person should look.' },
        milliseconds: { type: 'number', description: 'What its training took.' },
        trained_at: timeSchema,
      },
    },
  },
} as const;

/** What a form's head learns from. */
export function exampleRoutes(
  api: FastifyInstance,
  { learning, paging, examplesBytes }: { learning: Learning; paging: Paging; examplesBytes: number },
): void {
  const tags = ['intelligence'];
  api.register((scope, _options, done) => {
    acceptNdjson(scope);
    scope.post<Id & { Body: Example[] }>(
      '/forms/:id/examples',
      {
        config: { ...guard('forms:write'), problems: ['form-not-found', 'value-refused'] },
        bodyLimit: examplesBytes,
        schema: {
          tags,
          summary: 'Teach a form by labelled texts (a JSON array or NDJSON); answers with the task that trains',
          params: formParams,
          body: { type: 'array', minItems: 1, maxItems: 20000, items: exampleSchema },
          response: { 202: uploadedSchema },
        },
      },
      async (request, reply) => {
        const { taskId, kept } = await learning.upload(callerOf(request), request.params.id, request.body);
        reply.code(202).header('location', `/api/v1/tasks/${taskId}`);
        return { task_id: taskId, kept };
      },
    );
    done();
  });

  api.get<Id & { Querystring: { limit: number; cursor?: string } }>(
    '/forms/:id/examples',
    {
      config: { ...guard('forms:read'), problems: ['form-not-found', 'bad-cursor'] },
      schema: {
        tags,
        summary:
          'What the form learns from, in order: examples of the definition, uploads and reviews; of the same text the last one counts',
        params: formParams,
        querystring: { type: 'object', additionalProperties: false, properties: pageQuery },
        response: { 200: pageOf(exampleSchema) },
      },
    },
    async (request) => {
      const { params, query } = request;
      const list = `examples:${params.id}`;
      const page = await learning.listExamples(callerOf(request), params.id, paging.read(query, list));
      return paging.body(page.items, page.next, list);
    },
  );

  api.get<Id>(
    '/forms/:id/intelligence',
    {
      config: { ...guard('forms:read'), problems: ['form-not-found'] },
      schema: {
        tags,
        summary: 'The trained head of a form: how much it has seen, and how good it is on what it had not',
        params: formParams,
        response: { 200: headSchema },
      },
    },
    async ({ params }) => {
      const head = await learning.head(params.id);
      if (!head) return { head: null };
      const { sha256, labels, examples, accuracy, calibrationError, threshold, milliseconds, trainedAt } = head;
      return {
        head: {
          sha256,
          labels,
          examples,
          accuracy: accuracy ?? null,
          calibration_error: calibrationError ?? null,
          threshold,
          milliseconds,
          trained_at: new Date(trainedAt).toISOString(),
        },
      };
    },
  );
}
