import { createHash } from 'node:crypto';
import { type ErrorCode, errorTable } from '#domain/errors.ts';
import { type Html, html } from '#domain/html.ts';
import type { JsonSchema, Media, OpenApiDocument, Operation } from './openapi.ts';

const style = `
:root { color-scheme: light dark; --line: light-dark(#d5d9e0, #3a404b); --soft: light-dark(#f4f5f8, #1d2127); --word: light-dark(#0b4f8a, #8ec5ff) }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 0 auto; padding: 1rem 1.25rem 4rem; color: light-dark(#1b1f26, #e4e7ec); background: light-dark(#fff, #14171c) }
a { color: var(--word) } h1 { line-height: 1.2 } h2 { margin-top: 3rem; border-bottom: 1px solid var(--line) }
code, pre { font: .875em/1.5 ui-monospace, monospace } pre { background: var(--soft); padding: .75rem; overflow: auto; border-radius: 4px }
article { border: 1px solid var(--line); border-radius: 6px; padding: 0 1rem 1rem; margin: 1.25rem 0 } h3 { margin: .9rem 0 .3rem; overflow-wrap: anywhere } h4 { margin: 1rem 0 .25rem }
.method { display: inline-block; min-width: 4.2rem; font-weight: 700; color: var(--word) } .quiet { opacity: .75 } ul { margin: .2rem 0; padding-left: 1.3rem }
nav ul { columns: 18rem; list-style: none; padding: 0 } table { border-collapse: collapse; width: 100% } th, td { text-align: left; vertical-align: top; padding: .35rem .6rem .35rem 0; border-bottom: 1px solid var(--line) }
tr:target, article:target { background: var(--soft) }
`;

/** The pages run no script and load nothing: only this one style is allowed. */
export const pagePolicy = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

function page(title: string, body: Html): string {
  const head = html`<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${title}</title>`;
  return `<!doctype html>\n<html lang="en"><head>${head.markup}<style>${style}</style></head>\n<body>${body.markup}</body></html>\n`;
}

type Entry = { method: string; path: string; id: string; operation: Operation };

/** The OpenAPI document as a page for people. */
export function docsPage(document: OpenApiDocument): string {
  const byTag = Map.groupBy(entries(document), ({ operation }) => operation.tags?.[0] ?? 'other');
  const tags = [...byTag].sort(([a], [b]) => a.localeCompare(b));
  const { title, version, description } = document.info;
  const body = html`
<header><h1>${title} API</h1>
<p>${description}</p>
<p class="quiet">Version ${version} · <a href="/api/v1/openapi.json">openapi.json</a> · <a href="/docs/errors">errors</a></p></header>
<nav>${tags.map(([tag, list]) => html`<h4>${tag}</h4><ul>${list.map(link)}</ul>`)}</nav>
<main>${tags.map(([tag, list]) => html`<section><h2>${tag}</h2>${list.map((entry) => article(entry, document))}</section>`)}</main>`;
  return page(`${title} API`, body);
}

/** Every code of every problem: where `type` points. */
export function errorsPage(): string {
  const codes = Object.keys(errorTable) as ErrorCode[];
  const rows = codes.map((code) => {
    const { status, title, detail } = errorTable[code];
    return html`<tr id="${code}"><td>${status}</td><td><code>${code}</code></td><td>${title}</td><td>${detail}</td></tr>\n`;
  });
  return page(
    'Errors',
    html`<header><h1>Errors</h1><p>Every error is a problem (RFC 9457). Programs decide by <code>code</code>; <code>detail</code> says how to mend the case
at hand; <code>errors</code> names the wrong places; <code>request_id</code> finds the request in the log. <a href="/docs">All operations</a></p></header>
<main><table><thead><tr><th>Status</th><th>Code</th><th>Meaning</th><th>What to do</th></tr></thead><tbody>${rows}</tbody></table></main>`,
  );
}

function entries(document: OpenApiDocument): Entry[] {
  return Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]) => ({
      method: method.toUpperCase(),
      path,
      id: `${method}${path.replace(/[^A-Za-z0-9]+/g, '-')}`,
      operation,
    })),
  );
}

function link({ method, path, id }: Entry): Html {
  return html`<li><a href="#${id}"><code>${method} ${path}</code></a></li>`;
}

function article({ method, path, id, operation }: Entry, document: OpenApiDocument): Html {
  return html`<article id="${id}"><h3><code><span class="method">${method}</span> ${path}</code></h3>
<p>${operation.summary} ${operation.description}</p><p class="quiet">${access(operation)}</p>
${parameters(operation)}${requestBody(operation, document)}${responses(operation, document)}</article>\n`;
}

function access(operation: Operation): Html {
  const permission = operation['x-permission'];
  if (permission === 'signed-in') return html`Needs a token.`;
  if (permission !== undefined) return html`Needs a token with the permission <code>${permission}</code>.`;
  return operation.security?.length ? html`Public; a token is recognised.` : html`Public.`;
}

function parameters({ parameters: list = [] }: Operation): Html | undefined {
  if (list.length === 0) return undefined;
  const lines = list.map(({ name, in: place, required, description, schema }) => {
    return html`<li><code>${name}</code> <span class="quiet">${place}, ${typeOf(schema ?? {})}${required ? ', required' : ''}</span> ${description}</li>`;
  });
  return html`<h4>Parameters</h4><ul>${lines}</ul>`;
}

function requestBody({ requestBody: body }: Operation, document: OpenApiDocument): Html | undefined {
  if (body === undefined) return undefined;
  return html`<h4>Body</h4>${Object.entries(body.content).map(([type, media]) => mediaOf(type, media, document))}`;
}

function responses({ responses: all = {} }: Operation, document: OpenApiDocument): Html {
  const list = Object.entries(all).map(([status, { description, content = {} }]) => {
    const bodies = Object.entries(content).filter(([type]) => type !== 'application/problem+json');
    return html`<li><code>${status}</code> ${description}${bodies.map(([type, media]) => mediaOf(type, media, document))}</li>`;
  });
  return html`<h4>Answers</h4><ul>${list}</ul>`;
}

function mediaOf(type: string, { schema, example, examples = {} }: Media, document: OpenApiDocument): Html {
  const shown = [example, ...Object.values(examples).map(({ value }) => value), schema?.example].filter(
    (value) => value !== undefined,
  );
  return html`<p><code>${type}</code></p>${schema === undefined ? undefined : fields(schema, document, 0)}
${shown.map((value) => html`<pre>${JSON.stringify(value, null, 2)}</pre>`)}`;
}

/** A schema that refers to itself would never end, and nobody reads deeper than this. */
const maxDepth = 6;

/** The members of an object or of the items of an array, as a nested list. */
function fields(given: JsonSchema, document: OpenApiDocument, depth: number): Html | undefined {
  const schema = resolve(given, document);
  if (depth >= maxDepth) return undefined;
  if (schema.items !== undefined) return fields(schema.items as JsonSchema, document, depth + 1);
  for (const word of ['oneOf', 'anyOf', 'allOf']) {
    const options = schema[word] as JsonSchema[] | undefined;
    if (options !== undefined) {
      return html`<ul>${options.map((option) => html`<li><span class="quiet">${word}</span> ${typeOf(resolve(option, document))}${fields(option, document, depth + 1)}</li>`)}</ul>`;
    }
  }
  if (schema.properties === undefined) return undefined;
  const required = (schema.required ?? []) as string[];
  const lines = Object.entries(schema.properties as Record<string, JsonSchema>).map(([name, member]) => {
    const own = resolve(member, document);
    const need = required.includes(name) ? ', required' : '';
    return html`<li><code>${name}</code> <span class="quiet">${typeOf(own)}${need}</span> ${own.description as string | undefined}${fields(own, document, depth + 1)}</li>`;
  });
  return html`<ul>${lines}</ul>`;
}

function resolve(schema: JsonSchema, document: OpenApiDocument): JsonSchema {
  const name = typeof schema.$ref === 'string' ? schema.$ref.replace('#/components/schemas/', '') : undefined;
  return name === undefined ? schema : (document.components?.schemas?.[name] ?? schema);
}

/** `string, at most 255 characters, one of a, b`. */
function typeOf(schema: JsonSchema): string {
  const items = schema.items as JsonSchema | undefined;
  const type = [schema.type ?? (schema.properties ? 'object' : 'any')].flat().join(' or ');
  const words = [items === undefined ? type : `array of ${typeOf(items)}`];
  if (schema.format !== undefined) words.push(String(schema.format));
  if (schema.const !== undefined) words.push(JSON.stringify(schema.const));
  if (Array.isArray(schema.enum)) words.push(`one of ${schema.enum.map((value) => JSON.stringify(value)).join(', ')}`);
  for (const [key, text] of Object.entries(bounds)) if (schema[key] !== undefined) words.push(`${text} ${schema[key]}`);
  return words.join(', ');
}

const bounds: Record<string, string> = {
  minimum: 'at least',
  maximum: 'at most',
  minLength: 'characters ≥',
  maxLength: 'characters ≤',
  minItems: 'entries ≥',
  maxItems: 'entries ≤',
  default: 'default',
};
