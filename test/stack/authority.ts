import { execFile, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { get } from 'node:https';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '../support/free-port.ts';
import { eventually } from '../support/program.ts';

const run = promisify(execFile);

/**
 * Let's Encrypt's own test authority, pebble, which believes that every name is this machine and asks for the proof at `httpPort`. `roots`: the certificates
 * to trust for what it issues. Its files are in `work`. Errors: pebble is not installed, or does not start.
 */
export async function startAuthority(work: string, httpPort: number) {
  const [port, management, dns, names, tls] = await Promise.all([1, 2, 3, 4, 5].map(freePort));
  const [certificate, key] = [join(work, 'pebble.pem'), join(work, 'pebble.key')];
  await run('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
    ...['-subj', '/CN=pebble', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', certificate],
  ]);
  const config = join(work, 'pebble.json');
  const listen = { listenAddress: `127.0.0.1:${port}`, managementListenAddress: `127.0.0.1:${management}` };
  writeFileSync(
    config,
    JSON.stringify({
      pebble: { ...listen, certificate, privateKey: key, httpPort, tlsPort: tls, ocspResponderURL: '' },
    }),
  );
  const unused = ['-http01', '', '-https01', '', '-tlsalpn01', '', '-defaultIPv6', ''];
  const dnsOptions = ['-dns01', `127.0.0.1:${dns}`, '-management', `127.0.0.1:${names}`, '-defaultIPv4', '127.0.0.1'];
  // By default it waits up to 15 s before it asks, and refuses one nonce in twenty: that is a trial of certbot, which gives up at the second in a row.
  const env = { ...process.env, PEBBLE_VA_NOSLEEP: '1', PEBBLE_WFE_NONCEREJECT: '0' };
  const processes = [
    spawn('pebble-challtestsrv', [...unused, ...dnsOptions], { stdio: 'ignore' }),
    spawn('pebble', ['-config', config, '-dnsserver', `127.0.0.1:${dns}`], { env, stdio: 'ignore' }),
  ];
  let failure: Error | undefined;
  for (const child of processes)
    child.once('error', (err) => {
      failure = err;
    });
  const root = () =>
    new Promise<string>((resolve, reject) => {
      get({ host: '127.0.0.1', port: management, path: '/roots/0', ca: readFileSync(certificate) }, (response) => {
        let text = '';
        response.on('data', (part) => {
          text += part;
        });
        response.on('end', () => resolve(text));
      }).on('error', reject);
    });
  const end = () => {
    for (const child of processes) child.kill('SIGKILL');
  };
  try {
    await eventually(async () => {
      if (failure !== undefined) throw failure;
      return root().catch(() => undefined);
    }, 20_000);
  } catch (err) {
    end();
    throw err;
  }
  return { url: `https://127.0.0.1:${port}/dir`, certificate, roots: async () => [await root()], end };
}
