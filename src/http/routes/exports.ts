import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Download, Exports } from '#app/exports/exports.ts';
import { AppError } from '#domain/errors.ts';
import type { ExportFormat } from '#domain/export.ts';
import { exportView } from '#domain/export-view.ts';
import type { ExportMask } from '#domain/mask.ts';
import { guard } from '../auth.ts';
import { byteRange } from '../byte-range.ts';
import { matchesEtag } from '../etag.ts';
import type { Paging } from '../paging.ts';
import { contentOf, notModified, pageOf, pageQuery } from '../schemas/common.ts';
import { exportParams, exportRequestedSchema, exportSchema, exportWishSchema } from '../schemas/exports.ts';
import { callerOf } from './forms.ts';

type Deps = { exports: Exports; paging: Paging };
type Id = { Params: { id: string } };
type Wish = { form_id?: string; format: ExportFormat; mask?: ExportMask; from?: string; to?: string };

const list = 'exports';

const contentTypes: Record<ExportFormat, string> = {
  parquet: 'application/vnd.apache.parquet',
  // The file is compressed, not the transfer: what arrives has the length and the hash that the export says.
  jsonl: 'application/gzip',
  csv: 'text/csv; charset=utf-8; header=present',
};
const fileTypes = Object.values(contentTypes).map((type) => type.split(';')[0]!);

export function exportRoutes(api: FastifyInstance, { exports, paging }: Deps): void {
  const read = guard('exports:read');
  const tags = ['exports'];

  api.post<{ Body: Wish }>(
    '/exports',
    {
      config: { ...guard('exports:create'), problems: ['form-not-found', 'value-refused'] },
      schema: {
        tags,
        summary: 'Ask for a file of responses; its task tells when it is ready',
        body: exportWishSchema,
        response: { 202: exportRequestedSchema },
      },
    },
    async (request, reply) => {
      const { form_id: formId, format, mask, from, to } = request.body;
      const { exportId, taskId } = await exports.request(callerOf(request), {
        formId,
        format,
        mask,
        from: from === undefined ? undefined : Date.parse(from),
        to: to === undefined ? undefined : Date.parse(to),
      });
      reply.code(202).header('location', `/api/v1/tasks/${taskId}`);
      return { export_id: exportId, task_id: taskId };
    },
  );

  api.get<{ Querystring: { limit: number; cursor?: string } }>(
    '/exports',
    {
      config: { ...read, problems: ['bad-cursor'] },
      schema: {
        tags,
        summary: 'List the exports, newest first',
        querystring: { type: 'object', additionalProperties: false, properties: pageQuery },
        response: { 200: pageOf(exportSchema) },
      },
    },
    async ({ query }) => {
      const page = await exports.list(paging.read(query, list));
      return paging.body(page.items.map(exportView), page.next, list);
    },
  );

  api.get<Id>(
    '/exports/:id',
    {
      config: { ...read, problems: ['not-found'] },
      schema: { tags, summary: 'Read an export', params: exportParams, response: { 200: exportSchema } },
    },
    async ({ params }) => exportView(await exports.get(params.id)),
  );

  api.get<Id>(
    '/exports/:id/download',
    {
      config: { ...read, problems: ['not-found', 'conflict', 'gone', 'range-not-satisfiable', 'storage-unavailable'] },
      schema: {
        tags,
        summary: 'The file of an export, or a range of it',
        params: exportParams,
        headers: {
          type: 'object',
          properties: {
            range: { type: 'string', description: 'One range of bytes, such as bytes=0-1023.' },
            'if-range': { type: 'string', description: 'The ETag: another file is sent whole.' },
            'if-none-match': { type: 'string' },
          },
        },
        response: {
          200: contentOf('The whole file.', ...fileTypes),
          206: contentOf('The range.', ...fileTypes),
          304: notModified,
        },
      },
    },
    async (request, reply) => sendFile(request, reply, await exports.download(request.params.id)),
  );
}

async function sendFile(request: FastifyRequest, reply: FastifyReply, download: Download): Promise<FastifyReply> {
  const { format, file, bytes, sha256 } = download.export;
  const etag = `"${sha256}"`;
  reply
    .header('etag', etag)
    .header('accept-ranges', 'bytes')
    .header('cache-control', 'private, no-cache')
    .header('content-disposition', `attachment; filename="${file.slice(file.indexOf('/') + 1)}"`);
  if (matchesEtag(request.headers['if-none-match'], etag)) return reply.code(304).send();

  const { 'if-range': ifRange, range: header } = request.headers;
  // Dates never match: a file has no other mark than its hash.
  const range = ifRange === undefined || ifRange === etag ? byteRange(header, bytes) : undefined;
  if (range === 'unsatisfiable') {
    reply.header('content-range', `bytes */${bytes}`);
    throw new AppError('range-not-satisfiable', { detail: `The file has ${bytes} bytes.` });
  }
  // Opened before the head is sent: a file that is gone is still an error then.
  const chunks = await download.read(range);
  reply.type(contentTypes[format]).header('content-length', range ? range.end - range.start + 1 : bytes);
  if (range) reply.code(206).header('content-range', `bytes ${range.start}-${range.end}/${bytes}`);
  return reply.send(ReadableStream.from(chunks));
}
