import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';

/** A file, and the setting that names it. */
export type NamedFile = { name: string; path: string };
/** What is wrong with such a file, and what the operator can do about it. Nothing of a key is in it. */
export type FileMistake = { mistake: { name: string; problem: string; cure: string } };

/** Reads certificate (with its chain) and key for TLS, PEM. An expired one is taken: it is the clients who decide. Errors: none. */
export async function loadIdentity(files: {
  certificate: NamedFile;
  key: NamedFile;
}): Promise<{ certificate: string; key: string } | FileMistake> {
  const [certificate, key] = await Promise.all([readPem(files.certificate), readPem(files.key)]);
  if ('mistake' in certificate) return certificate;
  if ('mistake' in key) return key;
  const chain = certificatesIn(certificate.text);
  if (chain === undefined) return noCertificate(files.certificate);
  const privateKey = privateKeyIn(key.text);
  if (privateKey === undefined) {
    const cure = 'Write it without one: openssl pkey -in KEY -out NEW-KEY';
    return refuse(files.key, 'holds no private key in PEM that can be read without a password', cure);
  }
  if (!chain[0].checkPrivateKey(privateKey)) {
    const cure = 'Name the two files of one certificate, the server’s own first in its file.';
    return refuse(files.key, `holds another key than that of the certificate in ${files.certificate.path}`, cure);
  }
  try {
    createSecureContext({ cert: certificate.text, key: key.text });
  } catch (err) {
    const cure = 'Make a certificate of today’s strength, such as with a key of the curve prime256v1.';
    return refuse(files.certificate, `cannot be used for TLS (${(err as { code?: string }).code ?? 'unknown'})`, cure);
  }
  return { certificate: certificate.text, key: key.text };
}

/** When the first of the certificates in a file ends. Milliseconds since 1970. Errors: none. */
export async function loadEnd(file: NamedFile): Promise<{ endsAt: number } | FileMistake> {
  const read = await readPem(file);
  if ('mistake' in read) return read;
  const found = certificatesIn(read.text);
  if (found === undefined) return noCertificate(file);
  return { endsAt: Math.min(...found.map(({ validTo }) => Date.parse(validTo))) };
}

async function readPem(file: NamedFile): Promise<{ text: string } | FileMistake> {
  try {
    return { text: await readFile(file.path, 'utf8') };
  } catch (err) {
    const { code = 'unknown error' } = err as NodeJS.ErrnoException;
    const cure =
      code === 'ENOENT'
        ? 'Check the path; in a container, that the secret is mounted there.'
        : 'Make it a file that the user who runs formstead may read.';
    return refuse(file, `cannot be read (${code})`, cure);
  }
}

function certificatesIn(text: string): [X509Certificate, ...X509Certificate[]] | undefined {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  try {
    const [first, ...others] = blocks.map((block) => new X509Certificate(block));
    return first && [first, ...others];
  } catch {
    return undefined;
  }
}

function privateKeyIn(text: string): KeyObject | undefined {
  try {
    return createPrivateKey(text);
  } catch {
    return undefined;
  }
}

const noCertificate = (file: NamedFile): FileMistake =>
  refuse(file, 'holds no certificate in PEM', 'Put it there with its chain, each from BEGIN CERTIFICATE to its end.');

const refuse = ({ name, path }: NamedFile, problem: string, cure: string): FileMistake => ({
  mistake: { name, problem: `the file ${path} ${problem}`, cure },
});
