import type { Config } from '#config.ts';
import { AppError } from '#domain/errors.ts';
import type { TlsIdentity } from '#http/tls.ts';

type TlsFiles = Pick<Config, 'tlsCertificateFile' | 'tlsKeyFile'>;

const filesOf = ({ tlsCertificateFile, tlsKeyFile }: TlsFiles) =>
  tlsCertificateFile !== undefined && tlsKeyFile !== undefined
    ? {
        certificate: { name: 'FORMSTEAD_TLS_CERTIFICATE_FILE', path: tlsCertificateFile },
        key: { name: 'FORMSTEAD_TLS_KEY_FILE', path: tlsKeyFile },
      }
    : undefined;

/** What the API shows for HTTPS; undefined where it speaks plain HTTP. Errors: `value-refused`, with the cure. */
export async function loadTls(config: TlsFiles): Promise<TlsIdentity | undefined> {
  const files = filesOf(config);
  if (files === undefined) return undefined;
  const { loadIdentity } = await import('#adapters/certificate-pem/certificate.ts');
  const found = await loadIdentity(files);
  if (!('mistake' in found)) return found;
  const { name, problem, cure } = found.mistake;
  throw new AppError('value-refused', { detail: `${name}: ${problem}. ${cure}` });
}

/**
 * The certificates that the configuration names, until the first of each file ends (milliseconds since 1970), or what is wrong with one. The one of the API comes
 * with its key. Errors: none.
 */
export async function lookAtCertificates(config: Config) {
  const { loadEnd, loadIdentity } = await import('#adapters/certificate-pem/certificate.ts');
  const files = filesOf(config);
  const authorities = [
    { name: 'MONGODB_CA_FILE', path: config.mongodbCaFile },
    { name: 'REDIS_CA_FILE', path: config.redisCaFile },
    { name: 'FORMSTEAD_SMTP_CA_FILE', path: config.smtpCaFile },
  ];
  const named = [...(files ? [files.certificate] : []), ...authorities].flatMap(({ name, path }) =>
    path === undefined ? [] : [{ name, path }],
  );
  const [identity, ...ends] = await Promise.all([
    files && loadIdentity(files),
    ...named.map(async (file) => ({ ...file, ...(await loadEnd(file)) })),
  ]);
  return identity && 'mistake' in identity ? [identity, ...ends.slice(1)] : ends;
}
