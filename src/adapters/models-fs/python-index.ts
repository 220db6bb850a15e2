import { AppError } from '#domain/errors.ts';
import { get, type Network, shownUrl, textOf } from './http-get.ts';

export type Wheel = { name: string; url: URL; sha256?: string; bytes?: number };

/** The page of a package with thousands of files has some megabytes. */
const mostPageBytes = 20 * 1024 ** 2;
const accept = 'application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1';

/**
 * The wheel of a version of a package, as a registry of Python packages lists it (PEP 691, JSON, or PEP 503, HTML).
 * Errors: `not-found` when it does not list one, `timeout`, `value-refused` when the answer is neither.
 */
export async function findWheel(
  wanted: { package: string; version: string },
  index: string,
  network: Network,
): Promise<Wheel> {
  const page = new URL(`${index.replace(/\/+$/, '')}/${normalized(wanted.package)}/`);
  const got = await get(page, { accept }, network);
  if (got.status !== 200) {
    got.body.destroy();
    if (got.status === 404)
      throw new AppError('not-found', {
        detail: `${shownUrl(page)} is not there. Name a registry of Python packages that has it by --index.`,
      });
    throw new AppError('timeout', { detail: `${shownUrl(page)} answered ${got.status}.` });
  }
  const text = await textOf(got, mostPageBytes, network);
  const type = got.headers['content-type'] ?? '';
  const files = /\bjson\b|\+json/.test(type) ? fromJson(text, page) : fromHtml(text);
  const wheels = files.filter(({ name }) => isWheelOf(name, wanted));
  const chosen = wheels.find(({ name }) => name.endsWith('-none-any.whl')) ?? wheels[0];
  if (chosen === undefined)
    throw new AppError('not-found', {
      detail: `${shownUrl(page)} has no wheel of ${wanted.package} ${wanted.version}.`,
    });
  const url = URL.parse(chosen.href, got.url.href);
  if (url === null || !/^https?:$/.test(url.protocol) || (got.url.protocol === 'https:' && url.protocol !== 'https:'))
    throw new AppError('value-refused', { detail: `${shownUrl(page)} names a place that may not be used.` });
  url.hash = '';
  // As pip does: the registry's own login, and only to the registry itself.
  if (url.origin === page.origin) Object.assign(url, { username: page.username, password: page.password });
  const { name, sha256, bytes } = chosen;
  return { name, url, ...(sha256 !== undefined && { sha256 }), ...(bytes !== undefined && { bytes }) };
}

type Listed = { name: string; href: string; sha256?: string; bytes?: number };

function fromJson(text: string, page: URL): Listed[] {
  let files: unknown;
  try {
    files = JSON.parse(text).files;
  } catch {
    files = undefined;
  }
  if (!Array.isArray(files))
    throw new AppError('value-refused', {
      detail: `${shownUrl(page)} does not answer as a registry of Python packages.`,
    });
  return files.flatMap((file: Record<string, unknown>) => {
    const { filename, url, hashes, size } = file ?? {};
    if (typeof filename !== 'string' || typeof url !== 'string') return [];
    const sha256 = (hashes as { sha256?: unknown } | undefined)?.sha256;
    return {
      name: filename,
      href: url,
      ...(isSha256(sha256) && { sha256: sha256.toLowerCase() }),
      ...(Number.isSafeInteger(size) && { bytes: size as number }),
    };
  });
}

function fromHtml(text: string): Listed[] {
  return [...text.matchAll(/<a\s[^>]*?href\s*=\s*(?:"([^"]*)"|'([^']*)')[^>]*>([^<]*)<\/a>/gi)].map((match) => {
    const href = unescaped(match[1] ?? match[2] ?? '');
    const [, sha256] = /#(?:.*&)?sha256=([0-9a-f]{64})\b/i.exec(href) ?? [];
    return { name: unescaped(match[3]!).trim(), href, ...(sha256 !== undefined && { sha256: sha256.toLowerCase() }) };
  });
}

function unescaped(text: string): string {
  return text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll(/&#(?:x27|39);/gi, "'")
    .replaceAll('&#43;', '+')
    .replaceAll('&amp;', '&');
}

const isSha256 = (value: unknown): value is string => typeof value === 'string' && /^[0-9a-f]{64}$/i.test(value);

/** PEP 503. */
const normalized = (name: string): string => name.replaceAll(/[-_.]+/g, '-').toLowerCase();

/** `<distribution>-<version>[-<build>]-<python>-<abi>-<platform>.whl` */
function isWheelOf(file: string, wanted: { package: string; version: string }): boolean {
  if (!file.endsWith('.whl')) return false;
  const [distribution = '', version = '', ...tags] = file.slice(0, -'.whl'.length).split('-');
  return (
    (tags.length === 3 || tags.length === 4) &&
    normalized(distribution) === normalized(wanted.package) &&
    version.toLowerCase() === wanted.version.toLowerCase()
  );
}
