import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { test } from 'node:test';
import { stalePages } from '#cli/pages/reference-pages.ts';
import { staleServedPages } from '#cli/pages/served-pages.ts';
import { sections } from '#config.ts';
import { permissions, roles } from '#domain/actor.ts';
import { errorTable } from '#domain/errors.ts';
import { taskKinds } from '#domain/task-kinds.ts';
import { webhookEvents } from '#domain/webhook/model.ts';
import { metricTable } from '#ports/metrics.ts';
import { importsOf } from './support/import-table.ts';
import { scan } from './support/source-tokens.ts';

const root = join(import.meta.dirname, '..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
/** Every file of the project: tracked, or new and not ignored. */
const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '-z'], { cwd: root, encoding: 'utf8' })
  .split('\0')
  .filter((path) => path !== '' && existsSync(join(root, path)));
const pages = files.filter((path) => path.endsWith('.md'));
const manifest = JSON.parse(read('package.json'));
const scripts: Record<string, string> = manifest.scripts;

/** The names in backticks that begin a row of the page's tables and fit. */
function rowsOf(page: string, name: RegExp): string[] {
  return [...read(page).matchAll(/^\| `([^`]+)` \|/gm)].map(([, text = '']) => text).filter((text) => name.test(text));
}

/** The first code cell of each row after the first column: `| 404 | `code` | …`. */
function secondCells(page: string): string[] {
  return [...read(page).matchAll(/^\| [^|`]+ \| `([^`]+)` \|/gm)].map(([, text = '']) => text);
}

/** As a set in order, so that a difference says what is undocumented and what is documented and gone. */
function sameNames(documented: string[], existing: Iterable<string>): void {
  assert.deepEqual([...new Set(documented)].toSorted(), [...new Set(existing)].toSorted());
}

test('every error code is documented, and no documented one is gone', () => {
  sameNames(secondCells('docs/reference/errors.md'), Object.keys(errorTable));
});

test('every setting is documented, and no documented one is gone', () => {
  const names = sections.flatMap(({ settings }) => Object.values(settings).map(({ env }) => env));
  sameNames(rowsOf('docs/reference/configuration.md', /^[A-Z][A-Z0-9_]+$/), names);
});

test('every task kind is documented, and no documented one is gone', () => {
  sameNames(rowsOf('docs/reference/tasks.md', /-[a-z]+$|^prune$/).filter(isNoQueue), Object.keys(taskKinds));
});
const isNoQueue = (name: string): boolean => name !== 'high-priority';

test('every metric is documented, and no documented one is gone', () => {
  sameNames(rowsOf('docs/reference/metrics.md', /^formstead_/), Object.keys(metricTable));
});

test('every permission and role is documented, and no documented one is gone', () => {
  sameNames(rowsOf('docs/reference/permissions.md', /^[a-z]+:[a-z]+$/), permissions);
  for (const role of roles)
    assert.match(read('docs/reference/permissions.md'), new RegExp(`^- \\*\\*${role}\\*\\*`, 'm'));
});

test('every event of a webhook is documented', () => {
  const page = read('docs/reference/webhooks.md');
  for (const type of webhookEvents) assert.ok(page.includes(`\`${type}\``), type);
});

test('every dependency is documented with its reason and licence, and no documented one is gone', () => {
  const page = 'docs/reference/dependencies.md';
  const { dependencies, devDependencies, optionalDependencies } = manifest;
  sameNames(rowsOf(page, /./), Object.keys({ ...dependencies, ...devDependencies, ...optionalDependencies }));
  const lock = JSON.parse(read('package-lock.json')).packages;
  for (const line of read(page).split('\n')) {
    const [, name, reason = '', licence = ''] = /^\| `([^`]+)` \| ([^|]+) \| ([^|]+) \|/.exec(line) ?? [];
    if (name === undefined) continue;
    assert.ok(reason.trim().length >= 5, `${name} has no reason`);
    const locked = lock[`node_modules/${name}`]?.license;
    assert.equal(licence.trim(), locked.replaceAll(/[()]/g, '').replace(' OR ', ' or '), name);
  }
});

test('every dependency is used: imported by a file, or a tool of a script', () => {
  const sources = files.filter((path) => /^(src|test|bench)\/.*\.ts$/.test(path));
  const imported = new Set(
    sources.flatMap((path) => importsOf(scan(read(path)).tokens).map((one) => packageOf(one.specifier))),
  );
  // A corpus is not imported: a test reads its files.
  const tests = sources.filter((path) => path.startsWith('test/') && path !== 'test/architecture.test.ts').map(read);
  const dataOnly = (name: string) => tests.some((text) => text.includes(`'${name}`));
  const tools = ['@biomejs/biome', 'typescript', '@types/node'];
  const declared = [...Object.keys(manifest.dependencies), ...Object.keys(manifest.devDependencies)];
  const unused = declared.filter((name) => {
    const typesFor = name.startsWith('@types/') ? name.slice('@types/'.length) : undefined;
    const used = imported.has(name) || tools.includes(name) || (typesFor !== undefined && imported.has(typesFor));
    return !used && !dataOnly(name);
  });
  assert.deepEqual(unused, []);
});

function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

test('the pages made from tables in the code are what the code says (else: npm run docs)', async () => {
  assert.deepEqual(await stalePages(), []);
});

test('every route, command and guard is documented as it is, and none that is gone (else: npm run docs)', async () => {
  assert.deepEqual(await staleServedPages(), []);
});

/** Places that a page points to: relative links, without what stands in code. */
function linksOf(page: string): string[] {
  const text = read(page)
    .replaceAll(/^```[\s\S]*?^```/gm, '')
    .replaceAll(/`[^`\n]*`/g, '');
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^[a-z]+:/.test(target));
}

/** The anchors of a page as GitHub makes them. */
function anchorsOf(page: string): string[] {
  return [...read(page).matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(/\s/g, '-'),
  );
}

/** What is wrong with a link on a page, or undefined. */
function brokenLink(page: string, link: string): string | undefined {
  const [path = '', anchor] = link.split('#');
  const target = path === '' ? page : relative(root, join(root, dirname(page), decodeURIComponent(path)));
  if (!existsSync(join(root, target))) return `${page}: ${link} leads nowhere`;
  const known = anchor === undefined || !target.endsWith('.md') || anchorsOf(target).includes(anchor);
  return known ? undefined : `${page}: ${link} has no such heading`;
}

test('no page has a broken link', () => {
  const broken = pages.flatMap((page) => linksOf(page).flatMap((link) => brokenLink(page, link) ?? []));
  assert.deepEqual(broken, []);
  assert.match(brokenLink('README.md', 'docs/nowhere.md') ?? '', /leads nowhere/);
  assert.match(brokenLink('README.md', 'docs/README.md#nothing') ?? '', /no such heading/);
});

test('the index of docs/ names every page below it', () => {
  const linked = new Set(linksOf('docs/README.md').map((link) => normalize(join('docs', link.split('#')[0]!))));
  const missing = pages.filter((page) => page.startsWith('docs/') && page !== 'docs/README.md' && !linked.has(page));
  assert.deepEqual(missing, []);
});

test('every npm script that a page names exists', () => {
  const own = new Set(['ci', 'install', 'audit']);
  const wrong = pages.flatMap((page) =>
    [...read(page).matchAll(/\bnpm (run )?([a-z][\w:-]*)/g)].flatMap(([text, run, name = '']) => {
      const isCommand = run !== undefined || name === 'start' || name === 'test';
      return isCommand && !(name in scripts) && !own.has(name) ? [`${page}: ${text}`] : [];
    }),
  );
  assert.deepEqual(wrong, []);
});

test('every file that an npm script runs exists', () => {
  for (const [name, command] of Object.entries(scripts)) {
    for (const [, path = ''] of command.matchAll(/(?:^|[\s=])(\.?[\w./-]+\.ts)\b/g))
      assert.ok(existsSync(join(root, path)), `npm run ${name}: ${path}`);
    for (const [, other = ''] of command.matchAll(/npm run ([\w:-]+)/g))
      assert.ok(other in scripts, `${name}: ${other}`);
  }
});

test('every bench and test file that the code or a page quotes exists', () => {
  const quoted = /\b((?:bench|test|src)\/[\w./-]+\.ts)\b/g;
  const missing = files
    .filter((path) => /\.(ts|md|yml)$/.test(path) && !['test/docs.test.ts', 'test/architecture.test.ts'].includes(path))
    .flatMap((path) =>
      [...read(path).matchAll(quoted)]
        .filter(([, target = '']) => !target.includes('<') && !existsSync(join(root, target)))
        .map(([, target]) => `${path}: ${target}`),
    );
  assert.deepEqual([...new Set(missing)], []);
});

test('every file and function that the architecture page names exists', () => {
  const page = read('docs/architecture.md');
  const named = [...page.matchAll(/`(src\/[\w./-]+\.ts)`(?::\s+((?:`\w+`(?:, )?)+))?/g)];
  assert.ok(named.length > 20, `${named.length} names`);
  for (const [, path = '', names = ''] of named) {
    assert.ok(existsSync(join(root, path)), path);
    for (const name of names.matchAll(/\w+/g))
      assert.match(read(path), new RegExp(`\\b(function|const) ${name[0]}\\b`), `${name[0]} of ${path}`);
  }
});

test('every decision says its context, decision and consequences, and what checks it', () => {
  const decisions = pages.filter((page) => page.startsWith('docs/decisions/'));
  assert.ok(decisions.length > 0);
  decisions.toSorted().forEach((page, i) => {
    const text = read(page);
    assert.ok(
      text.startsWith(`# ${i + 1}. `) && page.includes(`/${String(i + 1).padStart(4, '0')}-`),
      `${page}: number`,
    );
    const headings = [...text.matchAll(/^## (.+)$/gm)].map(([, title]) => title);
    assert.deepEqual(headings, ['Context', 'Decision', 'Consequences', 'Checked by'], page);
    const checks = text.split('## Checked by')[1] ?? '';
    assert.match(checks, /`(test|src|bench)\/|`npm run |`\.ci\/run`/, `${page}: nothing that can be run checks it`);
    for (const [, path = ''] of checks.matchAll(/`((?:test|src|bench|\.ci|\.github)\/[\w./-]+)`/g))
      assert.ok(existsSync(join(root, path)), `${page}: ${path}`);
  });
});

// Assembled, so that this file does not contain what it looks for.
const machinePath = new RegExp(`(?:^|[^\\w./-])/(?:${['work', 'root', 'home/\\w+', 'Users/\\w+'].join('|')})/[\\w.-]`);
const registryHost = new RegExp(
  `https?://[\\w.-]*(?:${['regis' + 'try', 'mir' + 'ror', 'artifactory', 'nexus'].join('|')})[\\w.-]*`,
  'g',
);

/** Paths of somebody's machine and hosts of somebody's package registry. */
function tracesIn(text: string): string[] {
  const paths = text.split('\n').filter((line) => machinePath.test(line));
  const hosts = [...text.matchAll(registryHost)]
    .map(([host]) => host)
    .filter((host) => !host.endsWith('//registry.npmjs.org'));
  return [...paths, ...hosts];
}

test('no file of the project names a path of somebody’s machine or a package registry', () => {
  const isText = (path: string) => /\.(ts|md|json|ya?ml|jsonl|toml)$|^\.|^[A-Z]+$/.test(path);
  const traces = files.filter(isText).flatMap((path) => tracesIn(read(path)).map((trace) => `${path}: ${trace}`));
  assert.deepEqual(traces, []);
  assert.equal(tracesIn(`see ${'/'}home/somebody/notes`).length, 1);
  assert.equal(tracesIn(`"resolved": "https://npm-${'mirror'}.example.com/x.tgz"`).length, 1);
  assert.equal(tracesIn('src/work/x.ts and https://example.com/work/x').length, 0);
});

test('no package may run code at install', () => {
  assert.match(read('.npmrc'), /^ignore-scripts=true$/m);
});
