import type { FastifyInstance } from 'fastify';
import type { Exports } from '#app/exports/exports.ts';
import type { ExportFormat } from '#domain/export.ts';
import { exportName, exportView } from '#domain/export-view.ts';
import type { ExportMask } from '#domain/mask.ts';
import { guard } from '../auth.ts';
import type { Paging } from '../paging.ts';
import { contentOf, notModified, pageOf, pageQuery } from '../schemas/common.ts';
import { exportParams, exportRequestedSchema, exportSchema, exportWishSchema } from '../schemas/exports.ts';
import { fileHeaders, sendFile } from '../send-file.ts';
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
        headers: fileHeaders,
        response: {
          200: contentOf('The whole file.', ...fileTypes),
          206: contentOf('The range.', ...fileTypes),
          304: notModified,
        },
      },
    },
    async (request, reply) => {
      const download = await exports.download(request.params.id);
      const { format, bytes, sha256 } = download.export;
      const name = exportName(download.export);
      return sendFile(request, reply, { name, type: contentTypes[format], bytes, sha256, read: download.read });
    },
  );
}
