import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Caller } from '#app/audit.ts';
import type { FormCatalog } from '#app/form-catalog.ts';
import type { Expected, FormDraft, Forms } from '#app/forms.ts';
import { AppError } from '#domain/errors.ts';
import type { FormStatus } from '#domain/form/form.ts';
import { guard } from '../auth.ts';
import { entityTags, matchesEtag } from '../etag.ts';
import type { Paging } from '../paging.ts';
import { contentOf, notModified, pageOf, pageQuery } from '../schemas/common.ts';
import { formDraftSchema, formParams, formSchema, publicFormSchema, publishedSchema } from '../schemas/forms.ts';
import { formView, publicFormView, versionView } from '../views.ts';

type Deps = { forms: Forms; catalog: FormCatalog; definitionBytes: number; paging: Paging };
type Id = { Params: { id: string } };
type Page = { limit: number; cursor?: string };

export const callerOf = (request: FastifyRequest): Caller => ({ actor: request.actor, requestId: request.id });

export function formRoutes(api: FastifyInstance, { forms, catalog, definitionBytes, paging }: Deps): void {
  const read = guard('forms:read');
  const write = guard('forms:write');
  const tags = ['forms'];

  api.post<{ Body: FormDraft }>(
    '/forms',
    {
      config: { ...write, problems: ['definition-invalid', 'value-refused', 'already-exists'] },
      bodyLimit: definitionBytes,
      schema: { tags, summary: 'Create a form as a draft', body: formDraftSchema, response: { 201: formSchema } },
    },
    async (request, reply) => {
      const form = await forms.create(callerOf(request), request.body);
      reply.code(201).header('location', `/api/v1/forms/${form.doc.id}`).header('etag', etag(form.revision));
      return formView(form);
    },
  );

  api.get<{ Querystring: Page & { status?: FormStatus } }>(
    '/forms',
    {
      config: read,
      schema: {
        tags,
        summary: 'List forms, newest first',
        querystring: {
          type: 'object',
          additionalProperties: false,
          properties: { ...pageQuery, status: formSchema.properties.status },
        },
        response: { 200: pageOf(formSchema) },
      },
    },
    async ({ query }) => {
      const list = JSON.stringify(['forms', query.status]);
      const page = await forms.list({ ...paging.read(query, list), status: query.status });
      return paging.body(page.items.map(formView), page.next, list);
    },
  );

  api.get<Id>(
    '/forms/:id',
    {
      config: { ...read, problems: ['form-not-found'] },
      schema: {
        tags,
        summary: 'Read a form',
        params: formParams,
        headers: ifNoneMatchHeader,
        response: { 200: formSchema, 304: notModified },
      },
    },
    async (request, reply) => {
      const form = await forms.get(request.params.id);
      const tag = etag(form.revision);
      reply.header('etag', tag);
      // Asked again each time, for there is no time for which it is known to hold.
      reply.header('cache-control', 'private, no-cache');
      if (matchesEtag(request.headers['if-none-match'], tag)) return reply.code(304).send();
      return formView(form);
    },
  );

  api.put<Id & { Body: FormDraft }>(
    '/forms/:id',
    {
      config: {
        ...write,
        problems: [
          'form-not-found',
          'form-archived',
          'revision-mismatch',
          'definition-invalid',
          'value-refused',
          'already-exists',
        ],
      },
      bodyLimit: definitionBytes,
      schema: {
        tags,
        summary: 'Replace the draft of a form; published versions stay as they are',
        params: formParams,
        headers: ifMatchHeader('The ETag of the form as you read it, or *.'),
        body: formDraftSchema,
        response: { 200: formSchema },
      },
    },
    async (request, reply) => {
      const form = await forms.update(
        callerOf(request),
        request.params.id,
        expectedRevision(request, 'needed'),
        request.body,
      );
      reply.header('etag', etag(form.revision));
      return formView(form);
    },
  );

  api.post<Id>(
    '/forms/:id/publish',
    {
      config: { ...write, problems: ['form-not-found', 'form-archived', 'revision-mismatch'] },
      schema: {
        tags,
        summary: 'Publish the draft as the next version, which never changes again',
        params: formParams,
        headers: ifMatchHeader(optionalIfMatch),
        response: { 201: publishedSchema },
      },
    },
    async (request, reply) => {
      const version = await forms.publish(callerOf(request), request.params.id, expectedRevision(request));
      reply.code(201).header('location', `/api/v1/forms/${version.formId}/versions/${version.version}/schema.json`);
      return versionView(version);
    },
  );

  for (const step of ['close', 'reopen', 'archive'] as const) {
    api.post<Id>(
      `/forms/:id/${step}`,
      {
        config: { ...write, problems: ['form-not-found', 'form-archived', 'conflict', 'revision-mismatch'] },
        schema: {
          tags,
          summary: stepSummaries[step],
          params: formParams,
          headers: ifMatchHeader(optionalIfMatch),
          response: { 200: formSchema },
        },
      },
      async (request, reply) => {
        const form = await forms.move(callerOf(request), request.params.id, step, expectedRevision(request));
        reply.header('etag', etag(form.revision));
        return formView(form);
      },
    );
  }

  api.get<Id & { Querystring: Page }>(
    '/forms/:id/versions',
    {
      config: { ...read, problems: ['form-not-found'] },
      schema: {
        tags,
        summary: 'List the published versions, newest first',
        params: formParams,
        querystring: { type: 'object', additionalProperties: false, properties: pageQuery },
        response: { 200: pageOf(publishedSchema) },
      },
    },
    async ({ params, query }) => {
      const list = JSON.stringify(['versions', params.id]);
      const page = await forms.listVersions(params.id, paging.read(query, list));
      return paging.body(
        page.items.map(({ doc }) => versionView(doc)),
        page.next,
        list,
      );
    },
  );

  api.get<{ Params: { id: string; number: number } }>(
    '/forms/:id/versions/:number/schema.json',
    {
      config: { ...read, problems: ['form-not-found', 'form-not-published', 'version-not-found'] },
      schema: {
        tags,
        summary: 'JSON Schema 2020-12 of the answers of a version',
        params: {
          type: 'object',
          required: ['id', 'number'],
          additionalProperties: false,
          properties: { ...formParams.properties, number: { type: 'integer', minimum: 1, maximum: 999999999 } },
        },
        response: { 200: contentOf('The schema; it never changes.', 'application/schema+json') },
      },
    },
    async ({ params }, reply) => {
      const version = await forms.getVersion(params.id, params.number);
      reply.type('application/schema+json').header('cache-control', 'private, max-age=86400, immutable');
      return JSON.stringify(version.compiled.schema);
    },
  );

  publicForm(api, catalog);
}

const stepSummaries = {
  close: 'Stop taking responses',
  reopen: 'Take responses again',
  archive: 'Stop taking responses for good',
};

function publicForm(api: FastifyInstance, catalog: FormCatalog): void {
  api.get<Id>(
    '/forms/:id/public',
    {
      config: { public: true, problems: ['form-not-found', 'form-not-published', 'form-archived'] },
      schema: {
        tags: ['forms'],
        summary: 'What a renderer needs to draw the form; needs no token',
        params: formParams,
        headers: ifNoneMatchHeader,
        response: { 200: publicFormSchema, 304: notModified },
      },
    },
    async (request, reply) => {
      const form = await catalog.form(request.params.id);
      if (form.status === 'archived') throw new AppError('form-archived');
      const { version } = await catalog.version(form);
      const tag = `"${version.version}-${form.status}-${version.contentSha256.slice(0, 16)}"`;
      reply
        .header('etag', tag)
        .header('cache-control', 'public, max-age=60')
        .header('access-control-allow-origin', '*');
      if (matchesEtag(request.headers['if-none-match'], tag)) return reply.code(304).send();
      return publicFormView(form, version);
    },
  );
}

const etag = (revision: number): string => `"${revision}"`;

const ifNoneMatchHeader = {
  type: 'object',
  properties: { 'if-none-match': { type: 'string', description: 'ETags you have: 304 when one is still right.' } },
} as const;
const ifMatchHeader = (description: string) =>
  ({ type: 'object', properties: { 'if-match': { type: 'string', description } } }) as const;
const optionalIfMatch = 'When sent, the form must still be the one with this ETag.';

/** Strong comparison (RFC 9110, 13.1.1). Errors: `revision-mismatch` where the header is needed and absent, and for what cannot be a tag of ours. */
function expectedRevision(request: FastifyRequest, need?: 'needed'): Expected {
  const header = request.headers['if-match'];
  if (header === undefined) {
    if (need === undefined) return 'any';
    throw new AppError('revision-mismatch', { detail: 'Send If-Match with the ETag of the form as you read it.' });
  }
  const tags = entityTags(header);
  if (tags === '*') return 'any';
  const revisions = (tags ?? []).flatMap((tag) => (/^"\d{1,15}"$/.test(tag) ? [Number(tag.slice(1, -1))] : []));
  if (revisions.length > 0) return revisions;
  throw new AppError('revision-mismatch', {
    detail: tags?.some((tag) => tag.startsWith('W/'))
      ? 'A weak tag never matches; a proxy that compresses makes tags weak. Send the revision of the form in quotes, without W/.'
      : 'If-Match must be an ETag that this API gave, in its quotes.',
  });
}
