import { Ajv2020, type ErrorObject, type Options, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import type { FastifyInstance, FastifySchema, FastifySchemaCompiler } from 'fastify';
import { AppError, type ErrorCode, type Issue } from '#domain/errors.ts';

const base: Options = {
  allErrors: true,
  // Strict mode refuses unknown keywords, formats and types already; checking each schema against the meta-schema too costs 0.2 s of the start.
  validateSchema: false,
  removeAdditional: false,
  strict: true,
  strictTypes: false,
  strictRequired: false,
  allowUnionTypes: true,
};
/** A body is taken as it was sent: nothing dropped, nothing turned into something else. */
const bodyOptions: Options = { ...base, coerceTypes: false, useDefaults: false };
/** Query, path and headers are all text: "50" is a number there, and a default may stand for what is left out. */
const textOptions: Options = { ...base, coerceTypes: true, useDefaults: true };

/** Words for people and for the OpenAPI document; validation passes over them. */
const annotations = ['example', 'x-examples', 'x-response-description'];

/** Compiles the schemas of the routes (JSON Schema 2020-12, as OpenAPI 3.1 has it): one compiler for bodies, one for all that is text. */
export function buildValidator(shared: unknown): FastifySchemaCompiler<FastifySchema> {
  const compilers = { body: compiler(bodyOptions, shared), text: compiler(textOptions, shared) };
  return ({ schema, httpPart }) =>
    httpPart === 'body'
      ? compilers.body.compile(schema)
      : plainNumbers(compilers.text.compile(schema), schema as Schema);
}

/** Ajv takes 0x10, 1e2, 1.0 and 05 for whole numbers too; one spelling of each is enough, and no two paths name one thing. */
function plainNumbers(validate: ValidateFunction, schema: Schema): ValidateFunction {
  const properties = Object.entries((schema.properties ?? {}) as Record<string, Schema>);
  const names = properties.flatMap(([name, { type }]) => (type === 'integer' ? [name] : []));
  if (names.length === 0) return validate;
  const strict = (data: Record<string, unknown>): boolean => {
    const wrong = names.filter((name) => typeof data[name] === 'string' && !/^(?:0|-?[1-9]\d*)$/.test(data[name]));
    if (wrong.length === 0) {
      const valid = validate(data);
      strict.errors = validate.errors;
      return valid;
    }
    const message = 'must be a whole number in plain digits';
    strict.errors = wrong.map(
      (name) => ({ keyword: 'type', instancePath: `/${name}`, message, params: {} }) as ErrorObject,
    );
    return false;
  };
  strict.errors = undefined as ValidateFunction['errors'];
  return strict as unknown as ValidateFunction;
}

function compiler(options: Options, shared: unknown): Ajv2020 {
  const ajv = new Ajv2020(options);
  addFormats.default(ajv);
  refuseWhatIsNoDate(ajv);
  ajv.addVocabulary(annotations);
  for (const schema of Object.values(shared as Record<string, object>)) ajv.addSchema(schema);
  return ajv;
}

/** The last millisecond of the year 9999 in UTC: RFC 3339 has no later one, and an offset can name one all the same. */
const lastInstant = Date.UTC(10_000, 0) - 1;

/** A time with a leap second (23:59:60) is well-formed, and `Date.parse` makes NaN of it: a range that begins there would be a range without a beginning. */
function refuseWhatIsNoDate(ajv: Ajv2020): void {
  const known = ajv.formats['date-time'];
  if (typeof known !== 'object' || !('validate' in known) || typeof known.validate !== 'function')
    throw new Error('ajv-formats has no function for date-time');
  const wellFormed = known.validate as (text: string) => boolean;
  ajv.addFormat('date-time', { validate: (text: string) => wellFormed(text) && Date.parse(text) <= lastInstant });
}

/** Nothing is expected in the query of most routes. */
const emptyQuery = { type: 'object', properties: {}, additionalProperties: false } as const;

type Schema = Record<string, unknown>;

/**
 * Two rules for every route: keys that the query schema does not name are refused (without a schema: all), and a body schema of an object must say what
 * happens to keys it does not name. Errors: registering a route whose body schema leaves that open throws.
 */
export function installSchemaRules(app: FastifyInstance): void {
  app.addHook('onRoute', (route) => {
    const query = route.schema?.querystring as Schema | undefined;
    if (query === undefined) route.schema = { ...route.schema, querystring: emptyQuery };
    else if (isOpen(query)) route.schema = { ...route.schema, querystring: { ...query, additionalProperties: false } };
    if (route.schema?.body !== undefined && isOpen(route.schema.body as Schema)) {
      throw new Error(`the body schema of ${route.url} must say additionalProperties`);
    }
  });
}

function isOpen(schema: Schema): boolean {
  return (
    schema.type === 'object' && schema.additionalProperties === undefined && schema.unevaluatedProperties === undefined
  );
}

const codeOfPart: Record<string, { code: ErrorCode; detail: string }> = {
  body: { code: 'malformed-body', detail: 'See errors for the places' },
  querystring: { code: 'malformed-query', detail: 'See errors for the parameters' },
  headers: { code: 'malformed-header', detail: 'See errors for the headers' },
  // A path whose id cannot be one names nothing.
  params: { code: 'not-found', detail: 'A part of the path is not an id that could exist here' },
};

/** What Ajv found in a part of a request, as the error that ends it. */
export function refusal(errors: readonly Partial<ErrorObject>[], part: string): AppError {
  const { code, detail } = codeOfPart[part] ?? { code: 'internal', detail: part };
  return new AppError(code, { detail, issues: part === 'params' ? undefined : errors.slice(0, 50).map(issueOf) });
}

const codeOfKeyword: Record<string, string> = {
  additionalProperties: 'unknown-key',
  unevaluatedProperties: 'unknown-key',
};

function issueOf({
  keyword = '',
  instancePath = '',
  params = {},
  message = 'is not valid',
}: Partial<ErrorObject>): Issue {
  const name = params.missingProperty ?? params.additionalProperty ?? params.unevaluatedProperty;
  const pointer = typeof name === 'string' ? `${instancePath}/${escapePointer(name)}` : instancePath;
  const code = codeOfKeyword[keyword] ?? keyword.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  return { pointer: pointer.slice(0, 300), code, detail: sentence(keyword, params, message) };
}

function sentence(keyword: string, params: Record<string, unknown>, message: string): string {
  if (keyword === 'required') return 'is missing';
  if (codeOfKeyword[keyword] === 'unknown-key') return 'is not known here';
  if (keyword === 'enum') return `must be one of ${JSON.stringify(params.allowedValues).slice(0, 500)}`;
  if (keyword === 'const') return `must be ${JSON.stringify(params.allowedValue)}`;
  return message;
}

/** A name as a part of an RFC 6901 pointer. */
export function escapePointer(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}
