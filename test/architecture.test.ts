import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  checkSources,
  forbiddenFolders,
  importCycles,
  importsOf,
  maxFiles,
  maxLines,
  parseArchitecture,
} from './support/import-table.ts';
import { scan } from './support/source-tokens.ts';

const root = join(import.meta.dirname, '..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const table = parseArchitecture(read('docs/architecture.md'));
const manifest = JSON.parse(read('package.json'));
const packages = {
  dependencies: new Set(Object.keys(manifest.dependencies)),
  devDependencies: new Set(Object.keys(manifest.devDependencies)),
};
const sources = new Map(
  readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .toSorted()
    .map((path) => [path, read(`src/${path}`)]),
);

/** The rules that one planted file breaks. */
function broken(file: string, source: string): string[] {
  return checkSources(new Map([[file, source]]), table, packages).map(({ rule }) => rule);
}

test('every file under src/ keeps the rules of docs/architecture.md', () => {
  const violations = checkSources(sources, table, packages);
  assert.deepEqual(
    violations.map(({ file, line, rule, detail }) => `src/${file}:${line} ${rule}: ${detail}`),
    [],
  );
});

test('nothing imports in a circle, types left out', () => {
  assert.deepEqual(importCycles(sources), []);
});

test('the checker has seen the whole of src/, and every layer in it', () => {
  assert.ok(sources.size > 50, `${sources.size} files`);
  for (const { files } of table.rows) {
    const prefix = files.replace(/\*$/, '').replace(/\.ts$/, '');
    assert.ok(
      [...sources.keys()].some((file) => file.startsWith(prefix)),
      `no file of ${files}`,
    );
  }
});

test('the scanner finds as many static imports as there are lines that begin with one', () => {
  for (const [file, source] of sources) {
    const lines = source.match(/^(import|export) [^;]*? from '[^']+';$/gm)?.length ?? 0;
    const found = importsOf(scan(source).tokens).filter(({ names }) => names.length > 0).length;
    assert.ok(found >= lines, `${file}: ${found} of ${lines}`);
  }
});

const forbidden: [file: string, source: string][] = [
  ['domain/x.ts', "import { readFile } from 'node:fs/promises';"],
  ['domain/x.ts', "import { randomUUID } from 'node:crypto';"],
  ['domain/x.ts', "import * as crypto from 'node:crypto';"],
  ['domain/x.ts', "import { createHash, randomBytes as hash } from 'node:crypto';"],
  ['domain/x.ts', "import type { Clock } from '#ports/clock.ts';"],
  ['domain/x.ts', "import { v7 } from 'uuid';"],
  ['domain/form/x.ts', "export { something } from '../../app/forms.ts';"],
  ['ports/x.ts', "import { createForms } from '#app/forms.ts';"],
  ['ports/x.ts', "export type Row = import('#adapters/storage-sqlite/tables.ts').SqlRow;"],
  ['app/x.ts', "import { createMemoryQueue } from '#adapters/queue-memory/memory-queue.ts';"],
  ['app/x.ts', "const sqlite = await import('node:sqlite');"],
  ['app/x.ts', "import { loadConfig } from '#config.ts';"],
  ['http/routes/x.ts', "import { DatabaseSync } from 'node:sqlite';"],
  ['http/x.ts', "import '#jobs/runner.ts';"],
  ['jobs/handlers/x.ts', "export * from '#http/server.ts';"],
  ['jobs/x.ts', "const pino = require('pino');"],
  ['adapters/queue-memory/x.ts', "import { openWriter } from '../storage-sqlite/connection.ts';"],
  ['adapters/queue-memory/x.ts', "import { createForms } from '#app/forms.ts';"],
  ['adapters/queue-memory/x.ts', "import { Model } from 'survey-core';"],
  ['adapters/queue-memory/x.ts', "new Worker(new URL('../storage-sqlite/writer-thread.ts', import.meta.url));"],
  ['cli/x.ts', "import { systemClock } from '#adapters/clock-system/clock.ts';"],
  ['cli/x.ts', "import { world } from '../../test/support/task-world.ts';"],
  ['config.ts', "import { createHash } from 'node:crypto';"],
  ['compose.ts', "import { verify } from '#cli/verify.ts';"],
  ['compose/x.ts', "import { fastify } from 'fastify';"],
];

test('a planted bad import is reported, in whatever way it is written', () => {
  for (const [file, source] of forbidden) assert.deepEqual(broken(file, source), ['forbidden-import'], source);
});

test('what looks like an import in a comment, a string or a regular expression is none', () => {
  const source = [
    "// import { readFile } from 'node:fs/promises';",
    "/* export * from '#app/forms.ts'; */",
    'export const text = "import x from \'node:fs\'";',
    'export const page = `$' + "{text} import y from 'node:fs' $" + "{'}'} `;",
    "export const quote = /['\"`]from 'x'/u;",
    "export const half = 4 / 2; const rest = 'a' + 1 / 2;",
  ].join('\n');
  assert.deepEqual(broken('domain/x.ts', source), []);
});

test('what a layer may import is not reported', () => {
  const allowed: [string, string][] = [
    ['domain/x.ts', "import { createHmac, hash as digest } from 'node:crypto';"],
    ['adapters/storage-sqlite/x.ts', "import { DatabaseSync } from 'node:sqlite'; import { v7 } from 'uuid';"],
    ['adapters/text-llama/x.ts', "import { createWatchedChild } from '#adapters/child-process/watched-child.ts';"],
    ['adapters/storage-sqlite/deep/x.ts', "import { openWriter } from '../connection.ts';"],
    ['http/x.ts', "import type { FastifyInstance } from 'fastify'; import Ajv from 'ajv/dist/2020.js';"],
    ['jobs/x.test.ts', "import { test } from 'node:test'; import { Cron } from 'croner';"],
    ['compose/x.ts', "const { systemClock } = await import('#adapters/clock-system/clock.ts');"],
  ];
  for (const [file, source] of allowed) assert.deepEqual(broken(file, source), [], source);
});

test('an import that cannot be read from the code is refused', () => {
  assert.deepEqual(broken('app/x.ts', 'const module = await import(name);'), ['computed-import']);
  assert.deepEqual(broken('adapters/a-b/x.ts', "require('tiny' + 'ld');"), ['forbidden-import']);
});

test('a file that belongs to no layer is reported', () => {
  assert.deepEqual(broken('tools/x.ts', 'export const x = 1;'), ['no-layer']);
  assert.deepEqual(broken('adapters/loose.ts', 'export const x = 1;'), ['no-layer']);
});

test('reading the environment anywhere but in the named files is reported', () => {
  for (const source of ['process.env.HOME;', "process['env'];", 'process?.env;', "import { env } from 'node:process';"])
    assert.ok(broken('cli/x.ts', source).includes('environment'), source);
  assert.deepEqual(broken('config.ts', 'const environment = { ...process.env };'), []);
  assert.deepEqual(broken('cli/x.test.ts', 'process.env.TZ;'), []);
});

test('a clock, chance, a timer or the process in a rule or a use case is reported', () => {
  const impure = [
    'Date.now();',
    'Math.random();',
    'new Date();',
    'new Date;',
    'setTimeout(work, 5);',
    'await fetch(url);',
    'process.pid;',
    'console.log(1);',
    'crypto.randomUUID();',
  ];
  for (const source of impure) {
    assert.deepEqual(broken('domain/x.ts', source), ['impure'], source);
    assert.deepEqual(broken('app/x.ts', source), ['impure'], source);
    assert.deepEqual(broken('jobs/x.ts', source), [], source);
  }
  assert.deepEqual(broken('domain/x.ts', 'performance.now();'), ['impure']);
  assert.deepEqual(broken('app/x.ts', 'performance.now();'), []);
  assert.deepEqual(broken('domain/x.ts', 'new Date(at).toISOString(); clock.now(); deps.process.now();'), []);
});

test('a folder whose name says nothing is reported', () => {
  for (const name of forbiddenFolders)
    assert.deepEqual(broken(`app/${name}/x.ts`, 'export const x = 1;'), ['drawer'], name);
});

test('a folder with too many files is reported unless the page gives a reason; tests do not count', () => {
  const crowd = (folder: string, ending: string) =>
    new Map(Array.from({ length: maxFiles + 1 }, (_, i) => [`${folder}/f${i}${ending}`, 'export const x = 1;']));
  const rules = (files: Map<string, string>) => checkSources(files, table, packages).map(({ rule }) => rule);
  assert.deepEqual(rules(crowd('jobs/handlers', '.ts')), ['large-folder']);
  assert.deepEqual(rules(crowd('jobs/handlers', '.test.ts')), []);
  assert.deepEqual(rules(crowd('domain', '.ts')), []);
});

test('a file that is too long is reported', () => {
  assert.deepEqual(broken('app/x.ts', 'export {};\n'.repeat(maxLines)), []);
  assert.deepEqual(broken('app/x.ts', 'export {};\n'.repeat(maxLines + 1)), ['long-file']);
});

test('a circle of imports is reported, a circle of types is not', () => {
  const circle = new Map([
    ['app/a.ts', "import { b } from './b.ts';"],
    ['app/b.ts', "export { c } from '#app/c.ts';"],
    ['app/c.ts', "import type { D } from './d.ts';\nimport { a } from './a.ts';"],
    ['app/d.ts', "import { c } from './c.ts';"],
  ]);
  assert.deepEqual(importCycles(circle), ['app/a.ts → app/b.ts → app/c.ts → app/a.ts']);
  circle.set('app/c.ts', "import type { A } from './a.ts';");
  assert.deepEqual(importCycles(circle), []);
});

test('source that the scanner cannot follow is reported instead of passed', () => {
  assert.deepEqual(broken('app/x.ts', 'const x = `${(1`;'), ['unreadable']);
});

test('a table that is missing or not understood stops the check', () => {
  const page = read('docs/architecture.md');
  assert.throws(() => parseArchitecture(page.replace('<!-- import table -->', '')), /has no table/);
  assert.throws(() => parseArchitecture(page.replace('its own folder', 'whatever it needs')), /not understood/);
});

test('the exceptions of the page name folders and files that exist', () => {
  for (const folder of table.large)
    assert.ok(
      [...sources.keys()].some((file) => file.startsWith(`${folder}/`)),
      folder,
    );
  for (const file of table.environment)
    assert.ok(
      [...sources.keys()].some((one) => one.startsWith(file)),
      file,
    );
});
