import swagger from '@fastify/swagger';
import type { FastifyInstance, FastifySchema, RouteOptions } from 'fastify';
import { type ErrorCode, errorTable } from '#domain/errors.ts';
import { problemType } from './problem.ts';
import { problemSchema } from './schemas/common.ts';

/** The parts of an OpenAPI 3.1 document that the docs page reads. */
export type OpenApiDocument = {
  openapi: string;
  info: { title: string; version: string; description?: string };
  paths: Record<string, Record<string, Operation>>;
  components?: { schemas?: Record<string, JsonSchema> };
};
export type Operation = {
  tags?: string[];
  summary?: string;
  description?: string;
  parameters?: { name: string; in: string; required?: boolean; description?: string; schema?: JsonSchema }[];
  requestBody?: { required?: boolean; content: Record<string, Media> };
  responses?: Record<
    string,
    { description: string; content?: Record<string, Media>; headers?: Record<string, unknown> }
  >;
  security?: Record<string, string[]>[];
  'x-permission'?: string;
};
export type Media = { schema?: JsonSchema; example?: unknown; examples?: Record<string, { value: unknown }> };
export type JsonSchema = Record<string, unknown>;

type RouteSchema = FastifySchema & { response?: Record<string, unknown> };

const description = `Keeps what people write into forms, understands it, passes it on, and counts it.
Errors are RFC 9457 problems (application/problem+json). Lists take limit and cursor. Every answer carries X-Request-Id.`;

/** Collects every route registered after it into an OpenAPI document, from the schemas that validate. Routes with `schema.hide` are left out. */
export function installOpenApi(app: FastifyInstance, version: string): void {
  app.addSchema(problemSchema);
  app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Formstead', version, description, license: { name: 'MIT', identifier: 'MIT' } },
      servers: [{ url: '/' }],
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer', description: 'An access token of a login, or an API token.' },
        },
      },
    },
    stripBasePath: false,
    convertConstToEnum: false,
    refResolver: { buildLocalReference: (json, _base, _fragment, index) => String(json.$id ?? `def-${index}`) },
    transform: ({ schema, url, route }) => ({
      schema: described((schema ?? {}) as RouteSchema, route as RouteOptions),
      url,
    }),
  });
}

/** The document, once the app is ready. */
export function openApiDocument(app: FastifyInstance): OpenApiDocument {
  return app.swagger() as unknown as OpenApiDocument;
}

/** The schema with what follows from the route's config: who may call it, and the problems it answers. */
function described(schema: RouteSchema, route: RouteOptions): FastifySchema {
  const { permission, recogniseActor } = route.config ?? {};
  const security = permission !== undefined ? [{ bearer: [] }] : recogniseActor ? [{}, { bearer: [] }] : [];
  return {
    ...schema,
    ...(schema.body === undefined ? {} : { body: bodyOf(schema, route) }),
    security,
    ...(permission === undefined ? {} : { 'x-permission': permission }),
    response: {
      ...problemResponses(problemCodes(schema, route), route.config?.htmlProblems === true),
      default: { description: 'Any other problem.', content: problemContent },
      ...schema.response,
    },
  } as FastifySchema;
}

/** By content type where the route takes more than JSON. */
function bodyOf({ body }: RouteSchema, route: RouteOptions): unknown {
  const { bodies } = route.config ?? {};
  return bodies === undefined ? body : { content: { 'application/json': { schema: body }, ...bodies } };
}

const problemContent = { [problemType]: { schema: { $ref: 'Problem#' } } };

function problemCodes(schema: RouteSchema, route: RouteOptions): Set<ErrorCode> {
  const codes = new Set<ErrorCode>(route.config?.problems ?? []);
  if (route.config?.permission !== undefined) codes.add('unauthenticated');
  if (route.config?.permission !== undefined && route.config.permission !== 'signed-in') codes.add('forbidden');
  // What expects no body reads what is sent all the same, and refuses what is not empty.
  if (route.method !== 'GET') {
    const ofBody = [
      'malformed-json',
      'malformed-body',
      'body-too-deep',
      'body-too-large',
      'unsupported-media-type',
    ] as const;
    for (const code of ofBody) codes.add(code);
  }
  codes.add('malformed-query');
  if (schema.params !== undefined) codes.add('not-found');
  if (route.config?.probe !== true) {
    for (const code of ['rate-limited', 'storage-unavailable', 'timeout', 'shutting-down'] as const) codes.add(code);
  }
  return codes;
}

/** One response for each status, which names its codes. */
function problemResponses(codes: Set<ErrorCode>, asPages: boolean): Record<string, unknown> {
  const byStatus = Map.groupBy(codes, (code) => errorTable[code].status);
  return Object.fromEntries(
    [...byStatus].map(([status, ofStatus]) => [
      status,
      {
        description: ofStatus.map((code) => `${code}: ${errorTable[code].title}.`).join(' '),
        content: asPages ? { ...problemContent, 'text/html': { schema: { type: 'string' } } } : problemContent,
      },
    ]),
  );
}
