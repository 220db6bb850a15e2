import { isUtf8 } from 'node:buffer';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { AppError } from '#domain/errors.ts';
import { jsonErrorPosition } from './json-position.ts';
import { escapePointer } from './validation.ts';

/** Levels of arrays and objects in a body. Whatever walks a body later may recurse safely. */
export const maxBodyDepth = 32;
/** Fields of an HTML form post, lines of an NDJSON body. */
const maxFormFields = 2000;

type Done = (error: Error | null, body?: unknown) => void;

/** JSON is the only body there is, unless a route's scope asks for more by `acceptFormPosts` or `acceptNdjson`. */
export function installJsonBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body: Buffer, done: Done) => {
    try {
      const takesNone = request.routeOptions.schema?.body === undefined;
      // Clients that always send the header do so on a post without a body too.
      if (body.length === 0 && takesNone) return done(null, undefined);
      const value = parseJson(decode(request, body));
      if (takesNone) refuseKeys(value);
      done(null, value);
    } catch (error) {
      done(error as Error);
    }
  });
}

/** What a route without a body is sent may be `{}` and no more: a key that nobody reads would be dropped. Errors: `malformed-body`. */
function refuseKeys(value: unknown): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new AppError('malformed-body', { detail: 'Send no body here, or an empty object' });
  const issues = Object.keys(value)
    .slice(0, 50)
    .map((key) => ({
      pointer: `/${escapePointer(key)}`.slice(0, 300),
      code: 'unknown-key',
      detail: 'is not known here',
    }));
  if (issues.length > 0) throw new AppError('malformed-body', { detail: 'See errors for the places', issues });
}

/** Tells the OpenAPI document what a scope's parsers take: the routes that are added to the scope from now on and have a body. */
function declareBodies(scope: FastifyInstance, bodies: Record<string, { schema: object }>): void {
  scope.addHook('onRoute', (route) => {
    if (route.schema?.body !== undefined)
      route.config = { ...route.config, bodies: { ...route.config?.bodies, ...bodies } };
  });
}

const formPostSchema = {
  type: 'object',
  description: 'Each answer under the name of its question, as a browser posts a form; a repeated field is a list.',
  additionalProperties: { type: ['string', 'array'], items: { type: 'string' } },
} as const;

/** None is registered; these are the names in use. */
const ndjsonTypes = ['application/x-ndjson', 'application/ndjson', 'application/jsonl'] as const;
const ndjsonSchema = {
  type: 'string',
  description: 'One JSON object a line, as the items of the JSON array.',
} as const;

/** Lets the routes of this scope take HTML form posts: a field is a string, a repeated one an array of strings. */
export function acceptFormPosts(scope: FastifyInstance): void {
  const type = 'application/x-www-form-urlencoded';
  declareBodies(scope, { [type]: { schema: formPostSchema } });
  scope.addContentTypeParser(type, { parseAs: 'buffer' }, (request, body: Buffer, done: Done) => {
    try {
      done(null, parseForm(decode(request, body)));
    } catch (error) {
      done(error as Error);
    }
  });
}

/** Lets the routes of this scope take NDJSON: the body is the array of its lines, empty lines left out. */
export function acceptNdjson(scope: FastifyInstance): void {
  declareBodies(scope, Object.fromEntries(ndjsonTypes.map((type) => [type, { schema: ndjsonSchema }])));
  scope.addContentTypeParser([...ndjsonTypes], { parseAs: 'buffer' }, (request, body: Buffer, done: Done) => {
    try {
      done(null, parseLines(decode(request, body)));
    } catch (error) {
      done(error as Error);
    }
  });
}

const bytesKey = Symbol('bytes of the body');
type WithBytes = FastifyRequest & { [bytesKey]?: number };

/** Bytes of the body as it came in: a chunked one has no Content-Length that would say so. 0 without a body. */
export function bodyBytes(request: FastifyRequest): number {
  return (request as WithBytes)[bytesKey] ?? 0;
}

function decode(request: FastifyRequest, body: Buffer): string {
  (request as WithBytes)[bytesKey] = body.length;
  const encoding = request.headers['content-encoding'];
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
    throw new AppError('unsupported-media-type', { detail: 'Send the body without Content-Encoding' });
  }
  if (!isUtf8(body)) throw new AppError('malformed-body', { detail: 'The body is not valid UTF-8' });
  const text = body.toString('utf8');
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
}

/** Of equal keys the last one wins. Errors: `malformed-json`, `body-too-deep`, `malformed-body` for a key that reaches a prototype. */
export function parseJson(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new AppError('malformed-json', { detail: whereItBreaks(text) });
  }
  if (typeof value === 'object' && value !== null) checkNesting(value, maxBodyDepth);
  return value;
}

function whereItBreaks(text: string): string {
  const position = jsonErrorPosition(text);
  if (text.trim() === '') return 'The body is empty';
  if (position === undefined || position >= text.length) return `The body ends too early, at position ${text.length}`;
  const before = text.slice(0, position).split('\n');
  return `Unexpected character at position ${position} (line ${before.length}, column ${before.at(-1)!.length + 1})`;
}

/**
 * One walk for depth, for names that reach prototypes and for numbers that are none: below 0.2 µs for 1.2 kB and twenty keys, where JSON.parse takes 4.
 * It recurses, but never deeper than `room`.
 * JSON.parse itself does not recurse and never sets a prototype: such a name only becomes dangerous when somebody copies the object.
 */
function checkNesting(value: object, room: number): void {
  if (room === 0)
    throw new AppError('body-too-deep', { detail: `At most ${maxBodyDepth} levels of arrays and objects` });
  if (Array.isArray(value)) {
    for (const item of value) {
      if (typeof item === 'object' && item !== null) checkNesting(item, room - 1);
      else if (item === Infinity || item === -Infinity) throw endlessNumber();
    }
    return;
  }
  for (const key in value) {
    const item: unknown = (value as Record<string, unknown>)[key];
    if (key === '__proto__') throw forbiddenKey(key);
    if (typeof item === 'object' && item !== null) {
      if (key === 'constructor' && Object.hasOwn(item, 'prototype')) throw forbiddenKey('constructor.prototype');
      checkNesting(item, room - 1);
    } else if (item === Infinity || item === -Infinity) throw endlessNumber();
  }
}

/** JSON.parse makes an infinity of 1e400, and no JSON can be made of that again. */
function endlessNumber(): AppError {
  return new AppError('malformed-body', { detail: 'A number is too large: at most 1.7976931348623157e308' });
}

function forbiddenKey(key: string): AppError {
  return new AppError('malformed-body', { detail: `The key ${key} is not allowed` });
}

function parseForm(text: string): Record<string, string | string[]> {
  const fields = new Map<string, string | string[]>();
  let count = 0;
  for (const pair of text.split('&')) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const name = formText(equals === -1 ? pair : pair.slice(0, equals));
    const value = equals === -1 ? '' : formText(pair.slice(equals + 1));
    count += 1;
    if (count > maxFormFields) throw new AppError('malformed-body', { detail: `At most ${maxFormFields} fields` });
    if (name === '__proto__') throw forbiddenKey(name);
    const earlier = fields.get(name);
    if (earlier === undefined) fields.set(name, value);
    else if (typeof earlier === 'string') fields.set(name, [earlier, value]);
    else earlier.push(value);
  }
  return Object.fromEntries(fields);
}

/** Not URLSearchParams, which puts U+FFFD in the place of bytes that are no UTF-8, and leaves a broken escape as it is. */
function formText(encoded: string): string {
  try {
    return decodeURIComponent(encoded.replaceAll('+', ' '));
  } catch {
    const detail =
      'A field holds a broken percent escape, or one of bytes that are not UTF-8. Give the page charset utf-8.';
    throw new AppError('malformed-body', { detail });
  }
}

function parseLines(text: string): unknown[] {
  const values: unknown[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    try {
      values.push(parseJson(line));
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      throw new AppError(error.code, { detail: `Line ${index + 1}: ${error.detail}` });
    }
  }
  return values;
}
