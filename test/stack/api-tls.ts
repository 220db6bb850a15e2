import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { eventually } from '../support/program.ts';
import type { Installation } from './installation.ts';

/* TLS between nginx and the API. */
const names = ['api_certificate', 'api_key'] as const;

/** Registers the tests; they run when `stack` is there. */
export function apiTls(stack: () => Installation): void {
  test('the API speaks nothing but TLS, with a certificate of the installation', async () => {
    const curl = (...args: string[]) =>
      stack().inside('nginx', 'curl', '--silent', '--show-error', '--max-time', '5', ...args);
    // Connected, and told nothing.
    await assert.rejects(curl('http://api:8080/health'), /curl: \((52|56)\)/);
    const told = await curl('--cacert', '/run/secrets/ca_certificate', 'https://api:8080/health');
    assert.match(told, /"status":"ok"/);
  });

  test('an API with a certificate of another authority is not served; the right one is taken again without a restart', async (t) => {
    const { secretsDir } = stack();
    const place = mkdtempSync(join(tmpdir(), 'formstead-stranger-'));
    t.after(() => rmSync(place, { recursive: true, force: true }));
    await setup(stack(), place);
    const pair = (directory: string) => names.map((name) => readFileSync(join(directory, name)));
    const own = pair(secretsDir);

    write(secretsDir, pair(place));
    // Not SIGHUP: who has agreed on TLS with this supervisor's processes before goes on where they were, without another look at the certificate.
    await stack().compose('restart', 'api');
    await eventually(async () => {
      assert.equal((await stack().ask('GET', '/health')).status, 503);
      return /upstream SSL certificate verify error/.test(await stack().compose('logs', '--no-color', 'nginx'));
    }, 60_000);
    write(secretsDir, own);
    await reload(stack());
    for (let i = 0; i < 4; i += 1)
      assert.equal((await stack().ask('GET', '/health')).status, 200, 'each process in turn');
  });

  test('a setup that is run on what an older one has made adds what is missing, and touches nothing else', async (t) => {
    const place = mkdtempSync(join(tmpdir(), 'formstead-older-'));
    t.after(() => rmSync(place, { recursive: true, force: true }));
    await setup(stack(), place);
    for (const name of names) rmSync(join(place, name));
    const content = () => new Map(readdirSync(place).map((name) => [name, readFileSync(join(place, name), 'hex')]));
    const older = content();
    assert.match(await setup(stack(), place), /: 2 files made, \d+ kept$/m);
    const now = content();
    assert.equal(now.size, older.size + 2);
    for (const [name, bytes] of older) assert.equal(now.get(name), bytes, name);
    for (const name of names) {
      const { uid, mode } = statSync(join(place, name));
      assert.deepEqual([uid, mode & 0o777], [10001, 0o600], name);
    }
  });

  test('doctor finds the stack in order, and its certificates good for long', async () => {
    const said = await stack().inside('api', 'node', '/app/src/cli/main.js', 'doctor');
    assert.match(said, /^ok +FORMSTEAD_TLS_CERTIFICATE_FILE: good until/m);
    assert.match(said, /^ok +MongoDB answers, replica set rs0$/m);
    assert.match(said, /^ok +Redis answers, and drops nothing by itself$/m);
    assert.doesNotMatch(said, /^fault/m);
  });
}

async function setup({ secretsDir }: Installation, place: string): Promise<string> {
  const env = { ...process.env, FORMSTEAD_SECRETS_DIR: place };
  return (await promisify(execFile)(join(secretsDir, '../setup'), ['other.example.org'], { env })).stdout;
}

/** Into the files that are there: the container keeps looking at those. */
function write(secretsDir: string, contents: Buffer[]): void {
  for (const [i, name] of names.entries()) writeFileSync(join(secretsDir, name), contents[i]!);
}

/** Every process of the API has read its certificate again once it resolves. */
async function reload({ compose, inside }: Installation): Promise<void> {
  const reloads = async () => (await compose('logs', '--no-color', 'api')).split('"msg":"reloaded"').length;
  const before = await reloads();
  // From inside: what Docker itself has signalled counts as stopped by hand, and is not started again when it dies later.
  await inside('api', 'node', '-e', "process.kill(1, 'SIGHUP')");
  await eventually(async () => (await reloads()) > before, 60_000);
}
