import { writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { selfSignedCertificate } from './self-signed-certificate.ts';

export type Days = { fromDay: number; toDay: number };

/** A certificate for `api`, valid between two days counted from now. */
export function certificate({ fromDay, toDay }: Days = { fromDay: -1, toDay: 90 }): { key: string; cert: string } {
  const at = (day: number) => new Date(Date.now() + day * 86_400_000);
  return selfSignedCertificate({ names: ['api'], notBefore: at(fromDay), notAfter: at(toDay) });
}

/** Certificate and key as files in a directory, and the settings that name them. `put` replaces both; it tells what is to be trusted. */
export function tlsFiles(directory: string) {
  const settings = {
    FORMSTEAD_TLS_CERTIFICATE_FILE: join(directory, 'api-certificate'),
    FORMSTEAD_TLS_KEY_FILE: join(directory, 'api-key'),
  };
  return {
    settings,
    put({ key, cert } = certificate()): string {
      writeFileSync(settings.FORMSTEAD_TLS_CERTIFICATE_FILE, cert);
      writeFileSync(settings.FORMSTEAD_TLS_KEY_FILE, key, { mode: 0o600 });
      return cert;
    },
  };
}

/** One request on a connection of its own, to `api` by its certificate, wherever it is. Errors: it shows another certificate than `ca`, if one is given. */
export function askSecurely(
  at: string,
  ca: string | undefined,
  path: string,
): Promise<{ status: number; body: string }> {
  const { hostname, port } = new URL(at);
  const trust = ca === undefined ? { rejectUnauthorized: false } : { ca };
  return new Promise((resolve, reject) => {
    const sent = request({ host: hostname, port, path, ...trust, servername: 'api', agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        body += part;
      });
      response.once('error', reject);
      response.once('end', () => resolve({ status: response.statusCode!, body }));
    });
    sent.once('error', reject);
    sent.end();
  });
}
