import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import type { Installation } from './installation.ts';

/* What testssl.sh says of nginx. */
const run = promisify(execFile);

type Finding = { id: string; severity: string; finding: string };

/** What would be wrong elsewhere, and why it is not here. */
const exemptions = [
  {
    id: /^cert_revocation$/,
    finding: /^Neither CRL nor OCSP URI provided$/,
    why: 'The authority of deploy/setup signs for the first look on one machine and can revoke nothing; a public one takes its place.',
  },
];

/** Registers the test; it runs when `stack` is there. */
export function tls(stack: () => Installation): void {
  test('testssl.sh finds nothing above LOW in what nginx offers, and would', { timeout: 900_000 }, async () => {
    const ca = join(stack().secretsDir, 'ca_certificate');
    const found = await findings(stack(), '--add-ca', ca);
    // It has seen the server.
    for (const id of ['TLS1_3', 'cert_chain_of_trust', 'heartbleed'])
      assert.ok(
        found.some((one) => one.id === id),
        id,
      );
    const exempt = (one: Finding) => exemptions.find((e) => e.id.test(one.id) && e.finding.test(one.finding));
    const grave = found.filter(isGrave);
    assert.deepEqual(
      grave.filter((one) => !exempt(one)),
      [],
    );
    assert.deepEqual(new Set(grave.map(exempt)), new Set(exemptions), 'an exemption that nothing needs');
    // To who does not know the authority, its certificate is worth nothing.
    const strangers = await findings(stack(), '--server-defaults');
    assert.ok(strangers.some((one) => one.id.startsWith('cert_chain_of_trust') && one.severity === 'CRITICAL'));
  });
}

/** WARN: something could not be tested. */
function isGrave({ severity }: Finding): boolean {
  return !['OK', 'INFO', 'LOW'].includes(severity);
}

async function findings({ httpsPort }: Installation, ...options: string[]): Promise<Finding[]> {
  const place = mkdtempSync(join(tmpdir(), 'formstead-testssl-'));
  try {
    const report = join(place, 'report.json');
    const quiet = ['--quiet', '--warnings', 'batch', '--color', '0', '--jsonfile', report];
    const address = ['--ip', '127.0.0.1', '--nodns', 'none', `https://forms.example.org:${httpsPort}/health`];
    // A minute on two CPUs that have nothing else to do. Its exit code counts what it found.
    await run('testssl', [...quiet, ...options, ...address], { timeout: 600_000 }).catch((err) => {
      if (typeof err.code !== 'number') throw err;
    });
    return JSON.parse(readFileSync(report, 'utf8'));
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}
