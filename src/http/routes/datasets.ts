import type { FastifyInstance } from 'fastify';
import type { Datasets } from '#app/exports/datasets.ts';
import { datasetView } from '#domain/dataset/dataset-view.ts';
import { AppError } from '#domain/errors.ts';
import { guard } from '../auth.ts';
import { contentOf, notModified, startedTaskSchema } from '../schemas/common.ts';
import { datasetFileParams, datasetSchema, rebuildQuery } from '../schemas/datasets.ts';
import { formParams } from '../schemas/forms.ts';
import { fileHeaders, sendFile } from '../send-file.ts';
import { callerOf } from './forms.ts';

type Deps = { datasets: Datasets };
type Id = { Params: { id: string } };

const contentTypes = { parquet: 'application/vnd.apache.parquet', jsonl: 'application/gzip' };

export function datasetRoutes(api: FastifyInstance, { datasets }: Deps): void {
  const read = guard('exports:read');
  const tags = ['exports'];

  api.get<Id>(
    '/forms/:id/dataset',
    {
      config: { ...read, problems: ['form-not-found', 'not-found'] },
      schema: {
        tags,
        summary: 'The exported files of a form: one Parquet and one JSON lines file for each day or month',
        params: formParams,
        response: { 200: datasetSchema },
      },
    },
    async ({ params }) => {
      const dataset = await datasets.get(params.id);
      if (!dataset)
        throw new AppError('not-found', {
          detail:
            'There are no files: the form has no responses, or none have been written yet. POST to this path, or wait for the night.',
        });
      return datasetView(dataset);
    },
  );

  api.post<Id & { Querystring: { rebuild?: '1' } }>(
    '/forms/:id/dataset',
    {
      config: { ...guard('exports:create'), problems: ['form-not-found'] },
      schema: {
        tags,
        summary: 'Bring the exported files of a form up to date now; its task tells when they are',
        params: formParams,
        querystring: rebuildQuery,
        response: { 202: startedTaskSchema },
      },
    },
    async (request, reply) => {
      const { taskId } = await datasets.request(callerOf(request), request.params.id, {
        rebuild: request.query.rebuild === '1',
      });
      reply.code(202).header('location', `/api/v1/tasks/${taskId}`);
      return { task_id: taskId };
    },
  );

  api.get<{ Params: { id: string; name: string } }>(
    '/forms/:id/dataset/files/:name',
    {
      config: {
        ...read,
        problems: ['form-not-found', 'not-found', 'gone', 'range-not-satisfiable', 'storage-unavailable'],
      },
      schema: {
        tags,
        summary: 'A file that the manifest names, or a range of it',
        params: datasetFileParams,
        headers: fileHeaders,
        response: {
          200: contentOf('The whole file.', ...Object.values(contentTypes)),
          206: contentOf('The range.', ...Object.values(contentTypes)),
          304: notModified,
        },
      },
    },
    async (request, reply) => {
      const { format, ...file } = await datasets.file(request.params.id, request.params.name);
      return sendFile(request, reply, { ...file, type: contentTypes[format] });
    },
  );
}
