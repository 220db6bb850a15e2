import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { cache } from './docker.ts';
import type { Installation } from './installation.ts';

/* What a scanner for mistakes and secrets finds in the repository and in the image. */
const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');

/** What a scanner may find, and why it stays. */
const exemptions = [
  {
    rule: /^DS002$/,
    target: /^test\/stack\/stand-ins\/\w+\/Dockerfile$/,
    why: 'The official images start as root too: docker-compose.yml names the user, and a test looks at every process.',
  },
  {
    rule: /^DS026$/,
    target: /^test\/stack\/stand-ins\/\w+\/Dockerfile$/,
    why: 'The official images have no health check either: docker-compose.yml has one for each service.',
  },
];

/** Registers the tests; each runs when `stack` is there. */
export function trivy(stack: () => Installation): void {
  test('trivy finds nothing wrong in the files of the repository, and would', { timeout: 300_000 }, async () => {
    const place = mkdtempSync(join(tmpdir(), 'formstead-trivy-'));
    try {
      const { stdout } = await run('git', ['ls-files', '-co', '--exclude-standard', '-z'], { cwd: root });
      for (const path of stdout.split('\0').filter((one) => one !== '' && existsSync(join(root, one)))) {
        mkdirSync(join(place, dirname(path)), { recursive: true });
        cpSync(join(root, path), join(place, path));
      }
      plant(join(place, 'test/planted'), 'FROM node:latest\nRUN sudo true\n');
      const found = await findings('fs', '--scanners', 'config,secret', place);
      const planted = found.filter(({ target }) => target.startsWith('test/planted/'));
      for (const rule of ['DS002', 'DS010', 'private-key', 'aws-access-key-id'])
        assert.ok(
          planted.some((one) => one.rule === rule),
          rule,
        );
      const others = found.filter((one) => !planted.includes(one));
      const exempt = (one: Finding) => exemptions.find((e) => e.rule.test(one.rule) && e.target.test(one.target));
      assert.deepEqual(
        others.filter((one) => !exempt(one)),
        [],
      );
      assert.deepEqual(new Set(others.map(exempt)), new Set(exemptions), 'an exemption that nothing needs');
    } finally {
      rmSync(place, { recursive: true, force: true });
    }
  });

  // It passes over node_modules: those files are the registry's, by the checksums of the lock.
  test('trivy finds no secret in the image and its settings, and would', { timeout: 300_000 }, async () => {
    assert.deepEqual(await findingsInImage(stack(), stack().image), []);
    const place = mkdtempSync(join(tmpdir(), 'formstead-trivy-'));
    const image = `${stack().image}-planted`;
    try {
      plant(place, `FROM ${stack().image}\nCOPY key.pem aws.ini /app/src/\nENV ACCESS=${accessKey}\n`);
      await stack().docker('build', '--quiet', '--tag', image, place);
      const found = await findingsInImage(stack(), image);
      assert.deepEqual(found.map(({ rule }) => rule).toSorted(), [
        'aws-access-key-id',
        'aws-access-key-id',
        'private-key',
      ]);
    } finally {
      await stack()
        .docker('image', 'rm', image)
        .catch(() => {});
      rmSync(place, { recursive: true, force: true });
    }
  });
}

type Finding = { target: string; rule: string; severity: string; title: string };

// Assembled, so that nothing is found in this file.
const accessKey = `AKIA${'IOSFODNN7ABCDEFG'}`;
const privateKey = ['-----BEGIN RSA', 'PRIVATE KEY-----\n'].join(' ') + 'MIIEowIBAAKCAQEAabcdefghijklmnop'.repeat(4);

/** A key, a password and the Dockerfile. */
function plant(place: string, dockerfile: string): void {
  mkdirSync(place, { recursive: true });
  writeFileSync(join(place, 'Dockerfile'), dockerfile);
  writeFileSync(join(place, 'key.pem'), `${privateKey}\n-----END RSA PRIVATE KEY-----\n`);
  writeFileSync(join(place, 'aws.ini'), `aws_access_key_id = ${accessKey}\n`);
}

async function findingsInImage({ docker }: Installation, image: string): Promise<Finding[]> {
  const place = mkdtempSync(join(tmpdir(), 'formstead-trivy-'));
  try {
    const archive = join(place, 'image.tar');
    await docker('save', '--output', archive, image);
    return await findings('image', '--scanners', 'secret', '--image-config-scanners', 'secret', '--input', archive);
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

/** What trivy finds without a network: no database of vulnerabilities, the rules that are built in. */
async function findings(command: string, ...options: string[]): Promise<Finding[]> {
  const { stdout: path } = await run(join(import.meta.dirname, 'fetch-trivy'), [cache], { timeout: 240_000 });
  const place = mkdtempSync(join(tmpdir(), 'formstead-trivy-'));
  try {
    // By default it does not look at tests, examples and texts.
    const rules = join(place, 'secret.yaml');
    writeFileSync(rules, 'disable-allow-rules: [tests, examples, markdown, vendor, usr-dirs, locale-dir, node.js]\n');
    const offline = ['--quiet', '--skip-policy-update', '--offline-scan', '--cache-dir', join(place, 'cache')];
    const said = await run(
      path.trim(),
      [command, ...offline, '--secret-config', rules, '--format', 'json', ...options],
      { timeout: 120_000, maxBuffer: 64 * 1024 ** 2 },
    );
    return (JSON.parse(said.stdout).Results ?? []).flatMap(findingsOf);
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

// biome-ignore lint/suspicious/noExplicitAny: trivy's own report, of which only this is looked at.
function findingsOf({ Target: target, Misconfigurations = [], Secrets = [] }: any): Finding[] {
  return [
    // biome-ignore lint/suspicious/noExplicitAny: as above.
    ...Misconfigurations.map(({ ID, Severity, Title }: any) => ({
      target,
      rule: ID,
      severity: Severity,
      title: Title,
    })),
    // biome-ignore lint/suspicious/noExplicitAny: as above.
    ...Secrets.map(({ RuleID, Severity, Title }: any) => ({ target, rule: RuleID, severity: Severity, title: Title })),
  ];
}
