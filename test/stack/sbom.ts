import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Ajv } from 'ajv';
import type { Installation } from './installation.ts';

/* What the image says that it is made of (deploy/image/sbom). */
const root = join(import.meta.dirname, '../..');

/** Registers the test; it runs when `stack` is there. */
export function sbom(stack: () => Installation): void {
  test('the image names the packages in it, each one and no other, in a form that scanners read', async () => {
    const bom = await billOf(stack());
    const { packages, node } = JSON.parse(
      await stack().inside('api', 'node', '--input-type=module', '-e', installedPackages),
    );
    assert.ok(packages.length > 50, `${packages.length}`);
    // The runtime is a package too, and lies in /usr/local/bin.
    const named = bom.components.map(({ name, version }: { name: string; version: string }) => `${name}@${version}`);
    assert.deepEqual(named.toSorted(), [...new Set([...packages, node])].toSorted());
    const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
    for (const { name, version, hashes } of bom.components)
      assert.ok(hashes.some(isLocked(lock, name, version)), `${name}@${version}`);
    assert.equal(bom.metadata.component.name, 'formstead');
    assert.deepEqual([bom.serialNumber, bom.metadata.timestamp], [undefined, undefined]);
    const isBom = bomSchema();
    assert.equal(isBom(bom), true, JSON.stringify(isBom.errors));
    assert.equal(isBom({ ...bom, bomFormat: 'another' }), false);
  });
}

/** As an operator gets it. */
// biome-ignore lint/suspicious/noExplicitAny: its schema is checked.
async function billOf({ compose }: Installation): Promise<any> {
  const place = mkdtempSync(join(tmpdir(), 'formstead-sbom-'));
  try {
    await compose('cp', 'api:/app/sbom.cdx.json', place);
    return JSON.parse(readFileSync(join(place, 'sbom.cdx.json'), 'utf8'));
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

// Whatever carries a name and a version where Node looks for packages, nested ones too.
const installedPackages = `
  import { existsSync, readdirSync, readFileSync } from 'node:fs';
  const under = (place) => !existsSync(place) ? [] : readdirSync(place).filter((name) => !name.startsWith('.')).flatMap((name) =>
    name.startsWith('@') ? under(place + '/' + name) : [place + '/' + name, ...under(place + '/' + name + '/node_modules')]);
  const packages = under('/app/node_modules').map((path) => JSON.parse(readFileSync(path + '/package.json', 'utf8')))
    .map(({ name, version }) => name + '@' + version);
  console.log(JSON.stringify({ packages, node: 'node-linux-' + process.arch + '@' + process.versions.node }));`;

type Locked = Record<string, { name?: string; version: string; integrity: string }>;

/** Whether a hash of the list is one under which package-lock.json has that package. */
function isLocked(lock: Locked, name: string, version: string): (hash: { content: string }) => boolean {
  const integrities = Object.entries(lock)
    .filter(([path, one]) => path.endsWith(`node_modules/${name}`) && one.version === version)
    .map(([, one]) => Buffer.from(one.integrity.replace(/^sha512-/, ''), 'base64').toString('hex'));
  return ({ content }) => integrities.includes(content);
}

/** The schema of CycloneDX 1.5, from its makers. */
function bomSchema() {
  const at = dirname(fileURLToPath(import.meta.resolve('@cyclonedx/cyclonedx-library/package.json')));
  const read = (name: string) => JSON.parse(readFileSync(join(at, 'res/schema', name), 'utf8'));
  const ajv = new Ajv({ strict: false, validateFormats: false });
  for (const name of ['spdx.SNAPSHOT.schema.json', 'jsf-0.82.SNAPSHOT.schema.json'])
    ajv.addSchema(read(name), `http://cyclonedx.org/schema/${name}`);
  return ajv.compile(read('bom-1.5.SNAPSHOT.schema.json'));
}
