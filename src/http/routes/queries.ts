import type { FastifyInstance } from 'fastify';
import type { AnalystSql } from '#app/queries/analyst-sql.ts';
import type { AnswerFiles } from '#app/queries/answer-files.ts';
import type { CommonQueries } from '#app/queries/common-queries.ts';
import { may } from '#domain/actor.ts';
import { AppError } from '#domain/errors.ts';
import type { CommonQuery } from '#domain/queries/query.ts';
import type { Params } from '#ports/analytics-engine.ts';
import { engineProblems, goneSignal, sendAnswerFile } from '../answer-file.ts';
import { guard } from '../auth.ts';
import { matchesEtag } from '../etag.ts';
import { notModified } from '../schemas/common.ts';
import {
  type AnswerFormat,
  answerContent,
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
            content: answerContent(queryAnswerSchema),
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
        reply.header('x-cache', 'MISS');
        return sendAnswerFile(reply, name, format, file);
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
            content: answerContent(sqlAnswerSchema),
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
      return sendAnswerFile(reply, 'answer', format, file);
    },
  );
}

function queryView({ name, about, params, columns, reveals }: CommonQuery): object {
  const parameters = params.map(({ required, ...spec }) => ({ ...spec, required: required === true }));
  return { name, about, permission: reveals ? 'responses:read' : 'analytics:read', parameters, columns };
}
