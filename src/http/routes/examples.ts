import type { FastifyInstance } from 'fastify';
import type { Examples, UploadedExample } from '#app/learning/examples.ts';
import type { Heads } from '#app/learning/heads.ts';
import type { Taggers } from '#app/learning/taggers.ts';
import type { FormHead, FormTagger } from '#domain/learning.ts';
import { guard } from '../auth.ts';
import { acceptNdjson } from '../media.ts';
import type { Paging } from '../paging.ts';
import { pageOf, pageQuery } from '../schemas/common.ts';
import { exampleSchema, intelligenceSchema, newExampleSchema, uploadedSchema } from '../schemas/examples.ts';
import { formParams } from '../schemas/forms.ts';
import { callerOf } from './forms.ts';

type Id = { Params: { id: string } };

/** What a form's head and tagger learn from, and what they have learnt. */
export function exampleRoutes(
  api: FastifyInstance,
  {
    examples,
    heads,
    taggers,
    paging,
    examplesBytes,
  }: { examples: Examples; heads: Heads; taggers: Taggers; paging: Paging; examplesBytes: number },
): void {
  const tags = ['intelligence'];
  api.register((scope, _options, done) => {
    acceptNdjson(scope);
    scope.post<Id & { Body: UploadedExample[] }>(
      '/forms/:id/examples',
      {
        config: { ...guard('forms:write'), problems: ['form-not-found', 'value-refused'] },
        bodyLimit: examplesBytes,
        schema: {
          tags,
          summary:
            'Teach a form by texts with labels, fields or both (a JSON array or NDJSON); answers with the tasks that train',
          params: formParams,
          body: { type: 'array', minItems: 1, maxItems: 20000, items: newExampleSchema },
          response: { 202: uploadedSchema },
        },
      },
      async (request, reply) => {
        const { taskIds, kept } = await examples.upload(callerOf(request), request.params.id, request.body);
        reply.code(202).header('location', `/api/v1/tasks/${taskIds[0]}`);
        return { task_id: taskIds[0], task_ids: taskIds, kept };
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
      const page = await examples.list(callerOf(request), params.id, paging.read(query, list));
      return paging.body(page.items, page.next, list);
    },
  );

  api.get<Id>(
    '/forms/:id/intelligence',
    {
      config: { ...guard('forms:read'), problems: ['form-not-found'] },
      schema: {
        tags,
        summary:
          'The trained head and tagger of a form: how much they have seen, and how good they are on what they had not',
        params: formParams,
        response: { 200: intelligenceSchema },
      },
    },
    async ({ params }) => {
      const [head, tagger] = await Promise.all([heads.head(params.id), taggers.tagger(params.id)]);
      return { head: head ? headView(head) : null, tagger: tagger ? taggerView(tagger) : null };
    },
  );
}

function headView({
  sha256,
  labels,
  examples,
  accuracy,
  calibrationError,
  threshold,
  milliseconds,
  trainedAt,
}: FormHead) {
  return {
    sha256,
    labels,
    examples,
    accuracy: accuracy ?? null,
    calibration_error: calibrationError ?? null,
    threshold,
    milliseconds,
    trained_at: new Date(trainedAt).toISOString(),
  };
}

function taggerView({ sha256, fields, examples, byField, milliseconds, trainedAt }: FormTagger) {
  const skills = Object.entries(byField ?? {}).map(([name, { rulesPrecision, ...skill }]) => [
    name,
    { ...skill, rules_precision: rulesPrecision ?? null },
  ]);
  return {
    sha256,
    fields,
    examples,
    by_field: byField ? Object.fromEntries(skills) : null,
    milliseconds,
    trained_at: new Date(trainedAt).toISOString(),
  };
}
