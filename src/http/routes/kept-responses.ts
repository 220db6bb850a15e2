import type { FastifyInstance } from 'fastify';
import type { Correction, Reviews } from '#app/reviews.ts';
import type { Reindexing } from '#app/search/reindexing.ts';
import type { SimilarSearch, Wanted } from '#app/search/similar.ts';
import { AppError } from '#domain/errors.ts';
import { responseView } from '#domain/response-view.ts';
import { guard } from '../auth.ts';
import type { Paging } from '../paging.ts';
import { idSchema, keepable, pageOf, pageQuery, startedTaskSchema, timeSchema } from '../schemas/common.ts';
import { formParams } from '../schemas/forms.ts';
import { responseSchema, reviewSchema, similarSchema } from '../schemas/responses.ts';
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
  search?: string;
  similar_to?: string;
};

/** A search by meaning gives the best at once, and no pages. */
const mostSimilar = 100;

const idParams = {
  type: 'object',
  required: ['id'],
  additionalProperties: false,
  properties: { id: { type: 'string', minLength: 1, maxLength: 100 } },
} as const;

/** Reading responses and correcting what was understood. */
export function keptResponseRoutes(
  api: FastifyInstance,
  {
    reviews,
    similar,
    reindexing,
    paging,
  }: { reviews: Reviews; similar: SimilarSearch; reindexing: Pick<Reindexing, 'ask'>; paging: Paging },
): void {
  const read = guard('responses:read');
  const correct = guard('responses:review');
  const tags = ['responses'];

  api.get<Id & { Querystring: ListQuery }>(
    '/forms/:id/responses',
    {
      config: {
        ...read,
        problems: ['form-not-found', 'bad-cursor', 'malformed-query', 'response-not-found', 'model-unavailable'],
      },
      schema: {
        tags,
        summary:
          'List the responses of a form, newest first; or those most similar to a text or a response, best first',
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
            search: {
              type: 'string',
              minLength: 1,
              maxLength: 2000,
              ...keepable,
              description:
                'By meaning: the responses whose texts are most similar to this one, best first, at most 100 and no further page. The other parameters choose among the 500 most similar. Needs an embedding model; not with `q`, `similar_to` or `cursor`.',
            },
            similar_to: {
              ...idSchema('rsp'),
              description: 'As `search`, but similar to this response of the form, which is not among them itself.',
            },
          },
        },
        response: { 200: pageOf(similarSchema) },
      },
    },
    async ({ params, query }) => {
      const { limit, cursor, label, status, from, to, q } = query;
      const wanted = wantedOf(query);
      if (wanted) {
        const fitting = { label, status, from: epochOf(from), to: epochOf(to) };
        const found = await similar.search(params.id, wanted, fitting, Math.min(limit, mostSimilar));
        const items = found.map(({ response, similarity }) => ({ ...responseView(response), similarity }));
        return { items, next_cursor: null };
      }
      const list = JSON.stringify(['responses', params.id, label, status, from, to, q]);
      const page = await reviews.list(params.id, {
        ...paging.read({ limit, cursor }, list),
        label,
        status,
        from: epochOf(from),
        to: epochOf(to),
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

  api.post<Id>(
    '/forms/:id/reindex',
    {
      config: { ...guard('forms:write'), problems: ['form-not-found', 'model-unavailable', 'conflict'] },
      schema: {
        tags: ['intelligence'],
        summary: 'Make what older responses lack for the search by meaning, by the embedding model in use',
        params: formParams,
        response: { 202: startedTaskSchema },
      },
    },
    async (request, reply) => {
      const taskId = await reindexing.ask(callerOf(request), request.params.id);
      reply.code(202).header('location', `/api/v1/tasks/${taskId}`);
      return { task_id: taskId };
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

const epochOf = (time: string | undefined): number | undefined => (time === undefined ? undefined : Date.parse(time));

/** What a search by meaning looks for; none where it is a plain list. Errors: `malformed-query` for what cannot stand together. */
function wantedOf({ search, similar_to, q, cursor }: ListQuery): Wanted | undefined {
  if (search === undefined && similar_to === undefined) return undefined;
  const refused = (detail: string) => new AppError('malformed-query', { detail });
  if (search !== undefined && similar_to !== undefined) throw refused('Send either search or similar_to.');
  if (q !== undefined) throw refused('q looks for letters, search and similar_to for meaning: send one of them.');
  if (cursor !== undefined) throw refused('A search by meaning has one page: leave the cursor out.');
  return search === undefined ? { responseId: similar_to! } : { text: search };
}
