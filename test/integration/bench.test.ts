import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { withSection } from '../../bench/baselines.ts';
import { openForLoad } from '../../bench/stack/nginx.ts';

/* What can be said of the benchmarks without running them. */
const root = join(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const page = read('docs/reference/baselines.md');

test('a benchmark that records replaces its own section and nothing else', () => {
  const two = 'a\n<!-- one -->\nold\n<!-- end of one -->\nb\n<!-- two -->\nkept\n<!-- end of two -->\nc\n';
  assert.equal(
    withSection(two, 'one', 'new $& text'),
    two.replace('old', () => 'new $& text'),
  );
  assert.throws(() => withSection(two, 'three', 'new'), /no place for three/);
});

test('each benchmark that records has a place on the page, and each place a benchmark', () => {
  const named = readdirSync(join(root, 'bench'))
    .filter((name) => name.endsWith('.ts'))
    .flatMap((name) => [...read(`bench/${name}`).matchAll(/createReport\('(\w+)'\)/g)].map((found) => found[1]));
  const places = [...page.matchAll(/^<!-- bench:(\w+) -->$/gm)].map((found) => found[1]);
  assert.deepEqual(places.toSorted(), named.toSorted());
  for (const name of places) assert.equal(withSection(page, `bench:${name}`, 'x').includes('x'), true);
  const { scripts } = JSON.parse(read('package.json'));
  for (const name of places)
    assert.match(scripts[`bench:${name}`], new RegExp(`^node (?:--max-semi-space-size=16 )?bench/${name}\\.ts$`));
});

function copied(t: TestContext, text: string): string {
  const dir = mkdtempSync(join(tmpdir(), 'formstead-nginx-'));
  t.after(() => rmSync(dir, { recursive: true }));
  const file = join(dir, 'nginx.conf');
  writeFileSync(file, text);
  return file;
}

test('the load of one address meets no limit of nginx, and a file that has changed is refused', (t) => {
  const text = read('deploy/nginx/nginx.conf');
  const file = copied(t, text);
  openForLoad(file);
  const opened = readFileSync(file, 'utf8');
  const limits = [...opened.matchAll(/rate=(\d+)r\/s|burst=(\d+)|limit_conn connections (\d+)/g)];
  const low = limits.filter((found) => Number(found[1] ?? found[2] ?? found[3]) < 1000).map(([limit]) => limit);
  // Nobody signs in under load, or comes without TLS.
  assert.deepEqual(low, ['rate=1r/s', 'burst=100', 'burst=10']);
  assert.match(opened, /location ~ \^\/bare\//);
  assert.throws(() => openForLoad(copied(t, text.replace('burst=60', 'burst=61'))), /burst=60/);
});
