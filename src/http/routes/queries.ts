import type { FastifyInstance, FastifyReply } from 'fastify';
import type { AnalystSql } from '#app/queries/analyst-sql.ts';
import type { AnswerFiles } from '#app/queries/answer-files.ts';
import type { CommonQueries } from '#app/queries/common-queries.ts';
import { may } from '#domain/actor.ts';
import { AppError } from '#domain/errors.ts';
import type { CommonQuery } from '#domain/queries/query.ts';
import type { Params } from '#ports/analytics-engine.ts';
import { guard } from '../auth.ts';
import { matchesEtag } from '../etag.ts';
import { contentOf, notModified } from '../schemas/common.ts';
import {
  type AnswerFormat,
  answerTypes,
  type FileFormat,
  queryAnswerSchema,
  queryFileHeaders,
  queryListSchema,
  queryParams,
  queryQuery,
  sqlAnswerSchema,
  sqlBodySchema,
  sqlFileHeaders,
} from '../schemas/queries.ts';
import { time } from '../views.ts';
import { callerOf } from './forms.ts';

type Deps = { queries: CommonQueries; analystSql: AnalystSql; answerFiles: AnswerFiles };
type QueryString = { form_id: string; from?: string; to?: string; format: AnswerFormat; fresh?: '1' } & Record<
  string,
  string
>;
type SqlBody = { sql: string; tables: Record<string, string>; params?: Params; format?: AnswerFormat; fresh?: boolean };

const fileTypes = Object.values(answerTypes).map((type) => type.split(';')[0]!);
const engineProblems = [
  'query-failed',
  'query-too-slow',
  'query-too-large',
  'engine-unavailable',
  'data-damaged',
] as const;

export function queryRoutes(api: FastifyInstance, { queries, analystSql, answerFiles }: Deps): void {
  const tags = ['analytics'];

  api.get(
    '/analytics/queries',
    {
      config: guard('analytics:read'),
      schema: { tags, summary: 'The common queries, with their parameters', response: { 200: queryListSchema } },
    },
    async () => ({ items: queries.list().map(queryView) }),
  );

  api.get<{ Params: { name: string }; Querystring: QueryString }>(
    '/analytics/queries/:name',
    {
      config: {
        ...guard('analytics:read'),
        problems: ['not-found', 'form-not-found', 'form-not-published', 'value-refused', ...engineProblems],
      },
      schema: {
        tags,
        summary:
          'Answer a common query of a form; exact up to a second before the question, or with fresh=1 to this instant',
        params: queryParams,
        querystring: queryQuery,
        headers: { type: 'object', properties: { 'if-none-match': { type: 'string' } } },
        response: {
          200: {
            headers: queryFileHeaders,
            content: { 'application/json': { schema: queryAnswerSchema }, ...contentOf('', ...fileTypes).content },
          },
          304: notModified,
        },
      },
    },
    async (request, reply) => {
      const { form_id: formId, from, to, format = 'json', fresh, ...params } = request.query;
      const { name } = request.params;
      if (queries.find(name).reveals && !may(request.actor, 'responses:read'))
        throw new AppError('forbidden', {
          detail: `The query ${name} shows what people wrote: it needs responses:read.`,
        });
      const prepared = await queries.prepare({
        name,
        formId,
        ...(from !== undefined && { from: Date.parse(from) }),
        ...(to !== undefined && { to: Date.parse(to) }),
        params,
        fresh: fresh === '1',
      });
      reply.header('etag', prepared.etag).header('cache-control', 'private, no-cache');
      if (matchesEtag(request.headers['if-none-match'], prepared.etag)) return reply.code(304).send();
      if (format !== 'json') {
        const signal = goneSignal(reply);
        const file = await answerFiles.sent(format, (target) => queries.toFile(prepared, target, signal));
        return sendAnswer(reply, name, format, file);
      }
      const { answer, cached } = await queries.answer(prepared);
      reply.header('x-cache', cached ? 'HIT' : 'MISS');
      const { columns, rows, truncated, suppressed, asOf } = answer;
      return { query: name, form_id: formId, columns, rows, truncated, suppressed, as_of: time(asOf) };
    },
  );

  api.post<{ Body: SqlBody }>(
    '/analytics/sql',
    {
      config: {
        ...guard('analytics:sql'),
        problems: ['value-refused', 'form-not-published', 'query-refused', ...engineProblems],
      },
      schema: {
        tags,
        summary: 'Answer one SELECT over tables of forms, within limits of time, rows and memory',
        body: sqlBodySchema,
        response: {
          200: {
            headers: sqlFileHeaders,
            content: { 'application/json': { schema: sqlAnswerSchema }, ...contentOf('', ...fileTypes).content },
          },
        },
      },
    },
    async (request, reply) => {
      const { sql, tables, params = [], format = 'json', fresh = false } = request.body;
      const unmasked = may(request.actor, 'analytics:personal');
      const wish = { sql, tables, params, fresh, unmasked };
      const signal = goneSignal(reply);
      const caller = callerOf(request);
      if (format === 'json') return analystSql.answer(caller, wish, signal);
      const file = await answerFiles.sent(format, (target) => analystSql.toFile(caller, wish, target, signal));
      return sendAnswer(reply, 'answer', format, file);
    },
  );
}

type Told = { truncated: boolean; suppressed?: number; asOf?: number };

/** What JSON says beside the rows is in the head here. */
function sendAnswer(
  reply: FastifyReply,
  name: string,
  format: FileFormat,
  { told, bytes, chunks }: { told: Told; bytes: number; chunks: AsyncIterable<Uint8Array> },
): FastifyReply {
  reply
    .type(answerTypes[format])
    .header('content-length', bytes)
    .header('content-disposition', `attachment; filename="${name}.${format}"`)
    .header('x-truncated', String(told.truncated));
  if (told.suppressed !== undefined) reply.header('x-suppressed', told.suppressed);
  if (told.asOf !== undefined) reply.header('x-as-of', time(told.asOf));
  return reply.send(ReadableStream.from(chunks));
}

/** Aborts when the client goes: nobody waits for the answer then. */
function goneSignal({ raw }: FastifyReply): AbortSignal {
  const gone = new AbortController();
  raw.once('close', () => {
    if (!raw.writableFinished) gone.abort(new AppError('timeout', { detail: 'The client has gone.' }));
  });
  return gone.signal;
}

function queryView({ name, about, params, columns, reveals }: CommonQuery): object {
  const parameters = params.map(({ required, ...spec }) => ({ ...spec, required: required === true }));
  return { name, about, permission: reveals ? 'responses:read' : 'analytics:read', parameters, columns };
}
