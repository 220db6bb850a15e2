import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createApi } from '#compose/api.ts';
import { createUseCases, openAdapters, openLog } from '#compose.ts';
import { loadConfig } from '#config.ts';
import type { AccessRow } from '#http/auth.ts';
import { type OpenApiDocument, openApiDocument } from '#http/openapi.ts';
import { permissionsPage } from '#http/permissions-page.ts';
import { version } from '../version.ts';

/**
 * The reference pages that only the whole program knows: its routes, who may call them, and what its commands say of themselves.
 * `node src/cli/pages/served-pages.ts --write` writes them; without it the stale ones are named and the exit code is 1.
 */
export async function servedPages(): Promise<{ path: string; text: string }[]> {
  const { rows, document } = await routesOfTheProgram();
  return [
    { path: 'docs/reference/http-api.md', text: httpPage(rows, document) },
    { path: 'docs/reference/permissions.md', text: permissionsPage(rows) },
    { path: 'docs/reference/cli.md', text: await commandsPage() },
  ];
}

const root = new URL('../../../', import.meta.url);
const main = fileURLToPath(new URL('../main.js', import.meta.url));

/** Paths of the pages that are not what the program says. */
export async function staleServedPages(): Promise<string[]> {
  const stale: string[] = [];
  for (const { path, text } of await servedPages()) {
    const written = await readFile(new URL(path, root), 'utf8').catch(() => undefined);
    if (written !== text) stale.push(path);
  }
  return stale;
}

/** Wires the program on a data directory that is thrown away. It does not listen. */
async function routesOfTheProgram(): Promise<{ rows: readonly AccessRow[]; document: OpenApiDocument }> {
  const directory = await mkdtemp(join(tmpdir(), 'formstead-pages-'));
  const loaded = loadConfig({ FORMSTEAD_DATA_DIR: directory });
  if (!('config' in loaded)) throw new Error('the defaults are not a configuration');
  const { config } = loaded;
  const adapters = await openAdapters(config, { log: await openLog({ logLevel: 'error' }), version });
  try {
    const useCases = createUseCases(adapters, config, () => {});
    // Ahead: a schema that does not compile must be found here, not by the first request for its route.
    const program = { version, shuttingDown: () => false, runsModel: true, compileAhead: true };
    const server = createApi(adapters, useCases, config, program);
    await server.ready();
    const document = openApiDocument(server);
    await server.close();
    return { rows: server.accessTable, document };
  } finally {
    await adapters.close();
    await rm(directory, { recursive: true, force: true });
  }
}

function httpPage(rows: readonly AccessRow[], document: OpenApiDocument): string {
  const routes = rows.map((row) => {
    const operation = document.paths[row.path.replaceAll(/:(\w+)/g, '{$1}')]?.[row.method.toLowerCase()];
    return { ...row, noun: operation?.tags?.[0] ?? 'other', summary: operation?.summary ?? '' };
  });
  const nouns = Map.groupBy(routes, ({ noun }) => noun);
  const sections = [...nouns].toSorted().map(([noun, own]) => {
    const lines = own
      .toSorted((a, b) => (`${a.path} ${a.method}` < `${b.path} ${b.method}` ? -1 : 1))
      .map(({ method, path, access, summary }) => `| ${method} | \`${path}\` | ${access} | ${summary} |`);
    return `## ${noun}\n\n| method | path | needs | |\n| --- | --- | --- | --- |\n${lines.join('\n')}\n`;
  });
  return `# HTTP API

<!-- Made by \`node src/cli/pages/served-pages.ts --write\`: change the routes, not this page. -->

Every route of this release. What each takes and answers is in the OpenAPI 3.1 document a server shows at \`/api/v1/openapi.json\`, readable at \`/docs\`;
both come from the schemas that validate. \`needs\` is a permission ([permissions.md](permissions.md)), \`signed-in\` for any valid token, or \`public\`.

- JSON, \`snake_case\`, times RFC 3339 in UTC, ids with a prefix that says of what and a UUIDv7. Ids of events, deliveries and tasks are derived from what they
  follow from (\`evt_<uuid>_accepted\`, \`dlv_<uuid>_accepted_<uuid>\`, \`tsk_<uuid>:understand\`), so that what is done twice is there once: take them as they
  are ([decision 17](../decisions/0017-derived-ids.md)).
- An unknown key in a body is refused (400), an unknown answer name too (422). When a key stands twice in a body, the last one wins.
- Lists take \`limit\` (1 to 1000, default 50) and \`cursor\`, and answer \`{ "items": [], "next_cursor": null }\`.
- \`GET /forms/{id}/responses\` with \`search=<text>\` or \`similar_to=<id of a response of the form>\` finds by meaning: responses with a \`similarity\` of 0 to 1, best
  first, at most 100, in one page. \`label\`, \`status\`, \`from\` and \`to\` then choose among the 500 most similar, so that fewer than \`limit\` may come although more would
  fit. Not with \`q\`, which finds letters. It takes an embedding model ([models](../guides/models.md#search-by-meaning)), else 503 \`model-unavailable\`.
- \`If-None-Match\` with an \`ETag\` that is still right is answered 304. \`If-Match\` is needed to replace a form, and honoured where a form is published, closed,
  reopened or archived: 412 when the form has changed since.
- Whole numbers in paths and queries are plain digits: \`1\`, not \`01\`, \`1.0\` or \`0x1\`.
- Errors are problems: [errors.md](errors.md). Every answer carries \`X-Request-Id\`.
- Metrics are served on a port of their own: [metrics.md](metrics.md).

${sections.join('\n')}`;
}

async function commandsPage(): Promise<string> {
  const parts: string[] = [];
  const pending: string[][] = [[]];
  for (let command = pending.shift(); command !== undefined; command = pending.shift()) {
    const text = await helpOf(command);
    const below = commandsIn(text).map((name) => [...command!, name]);
    pending.unshift(...below);
    parts.push(`## ${['formstead', ...command].join(' ')}\n\n\`\`\`\n${text.trimEnd()}\n\`\`\`\n`);
  }
  return `# Commands

<!-- Made by \`node src/cli/pages/served-pages.ts --write\`: change the commands, not this page. -->

In a checkout: \`npm run formstead -- <command>\`, or \`node_modules/.bin/node src/cli/main.js <command>\`.

${parts.join('\n')}`;
}

/** What `--help` prints, without colours and 80 characters wide. */
async function helpOf(command: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [main, ...command, '--help'], { env: {} });
  return stdout;
}

/** The names below `Commands:`, `help` left out. */
function commandsIn(help: string): string[] {
  const [, list = ''] = /^Commands:\n((?: {2}.*\n?)*)/m.exec(help) ?? [];
  return [...list.matchAll(/^ {2}(\w[\w-]*)/gm)].flatMap(([, name]) => (name === 'help' ? [] : [name!]));
}

if (import.meta.main) {
  if (process.argv.includes('--write')) {
    for (const { path, text } of await servedPages()) await writeFile(new URL(path, root), text);
  } else {
    const stale = await staleServedPages();
    if (stale.length > 0) {
      console.error(`stale: ${stale.join(', ')}. Run: npm run docs`);
      process.exitCode = 1;
    }
  }
}
