import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import { promisify } from 'node:util';
import { eventually } from '../support/program.ts';
import { startAuthority } from './authority.ts';
import type { Installation } from './installation.ts';

/* Certificates from an authority, by certbot and by hand, while visitors come. */
const run = promisify(execFile);
const guide = readFileSync(join(import.meta.dirname, '../../docs/guides/deployment.md'), 'utf8');
const host = 'forms.example.org';

/** Registers the test; it runs when `stack` is there. */
export function certificates(stack: () => Installation): void {
  test('certbot gets a certificate by the guide’s command and renews it; no visitor notices', {
    timeout: 300_000,
  }, async (t) => {
    const { place, secretsDir, httpPort, httpsPort, env, volume } = stack();
    const work = mkdtempSync(join(tmpdir(), 'formstead-certbot-'));
    t.after(() => rmSync(work, { recursive: true, force: true }));
    const authority = await startAuthority(work, httpPort);
    t.after(() => authority.end());
    const first = ['tls_certificate', 'tls_key'].map((name) => {
      writeFileSync(join(work, name), readFileSync(join(secretsDir, name)), { mode: 0o600 });
      return join(work, name);
    });
    const shell = (command: string) =>
      run('sh', ['-euc', command], {
        timeout: 90_000,
        env: { ...env, ...configure(work, authority), COMPOSE_PROJECT_NAME: stack().project },
      });
    const byHand = () => shell(`${place}/deploy/certificate ${first.join(' ')}`);
    const trusted = [readFileSync(join(secretsDir, 'ca_certificate')), ...(await authority.roots())];
    const visitors = invite({ port: httpsPort, ca: trusted });
    t.after(() => visitors.leave());
    const isShown = (path: string) =>
      eventually(async () => visitors.seen.at(-1) === new X509Certificate(readFileSync(path)).serialNumber, 30_000);
    const issued = join(work, 'config/live', host, 'fullchain.pem');
    try {
      await isShown(first[0]!);
      await shell(commandOf(guide).replace('formstead_acme', volume('acme')).replaceAll('/opt/formstead', place));
      await isShown(issued);
      // What was asked before the change is answered after it.
      const slow = speakSlowly({ port: httpsPort, ca: trusted });
      t.after(() => slow.leave());
      await shell('certbot renew --force-renewal --no-random-sleep-on-renew');
      await isShown(issued);
      assert.equal(await slow.end(), 404);
    } finally {
      await byHand();
    }
    await isShown(first[0]!);
    const { answers, failures } = await visitors.leave();
    assert.deepEqual(failures, []);
    assert.ok(answers > 20, `${answers}`);
    assert.equal(new Set(visitors.seen).size, 3);
    console.log(`${answers} requests while the certificate changed three times`);
  });
}

/** The guide's own command; only what differs from machine to machine is replaced. */
function commandOf(page: string): string {
  const [command = ''] = /^sudo certbot certonly (?:.*\\\n)*.*$/m.exec(page) ?? [];
  assert.match(command, /--deploy-hook \/opt\/formstead\/deploy\/certificate\b/);
  return command.replace('sudo ', '');
}

/** What certbot would ask a person for, and directories of its own: in its file of settings, so that the command stays as it is. */
function configure(work: string, { url, certificate }: { url: string; certificate: string }): NodeJS.ProcessEnv {
  const directory = join(work, 'home/letsencrypt');
  mkdirSync(directory, { recursive: true });
  const directories = ['config', 'work', 'logs'].map((name) => `${name}-dir = ${join(work, name)}`);
  const settings = [`server = ${url}`, `email = admin@example.org`, 'agree-tos = true', 'non-interactive = true'];
  writeFileSync(join(directory, 'cli.ini'), [...settings, ...directories, ''].join('\n'));
  return { XDG_CONFIG_HOME: join(work, 'home'), REQUESTS_CA_BUNDLE: certificate };
}

type Server = { port: number; ca: (string | Buffer)[] };

const options = ({ port, ca }: Server) => ({ host: '127.0.0.1', port, servername: host, ca, agent: false as const });

/** A visitor who comes back again and again, each time by a new connection. `seen`: the serial numbers shown, in turn. */
function invite(server: Server) {
  const seen: string[] = [];
  const failures: string[] = [];
  let answers = 0;
  let stopped = false;
  const ask = () =>
    new Promise<void>((resolve, reject) => {
      const sent = request({ ...options(server), path: '/health', headers: { host }, timeout: 10_000 }, (response) => {
        const { serialNumber } = (response.socket as TLSSocket).getPeerCertificate();
        if (seen.at(-1) !== serialNumber) seen.push(serialNumber);
        if (response.statusCode !== 200) failures.push(`${response.statusCode}`);
        response.resume().on('end', resolve).on('error', reject);
      });
      sent.on('timeout', () => sent.destroy(new Error('no answer')));
      sent.on('error', reject).end();
    });
  const visit = async () => {
    for (; !stopped; await sleep(30))
      await ask().then(
        () => answers++,
        (err: unknown) => failures.push(String(err)),
      );
  };
  const visits = visit();
  return {
    seen,
    async leave() {
      stopped = true;
      await visits;
      return { answers, failures };
    },
  };
}

/** A request whose body comes letter by letter; `end` sends the rest and resolves to the status of the answer. */
function speakSlowly(server: Server): { end(): Promise<number>; leave(): void } {
  const path = '/api/v1/forms/no-such-form/responses';
  const sent = request({
    ...options(server),
    path,
    method: 'POST',
    headers: { host, 'content-type': 'application/json' },
  });
  const status = new Promise<number>((resolve, reject) => {
    sent.on('response', (response) => resolve(response.resume().statusCode!)).on('error', reject);
  });
  status.catch(() => {});
  sent.write('{"answers":{"message":"');
  // nginx waits for each part for ten seconds.
  const letters = setInterval(() => sent.write('x'), 500);
  return {
    leave() {
      clearInterval(letters);
      sent.destroy();
    },
    end() {
      clearInterval(letters);
      sent.end('"}}');
      return status;
    },
  };
}
