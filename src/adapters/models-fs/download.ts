import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, open, rm, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '#domain/errors.ts';
import { sha256Hex } from '#domain/hash.ts';
import { chunksOf, readJson, writeJson } from './files.ts';
import { bytesOf, type Got, get, type Network, shownUrl, stopped } from './http-get.ts';

export type Download = {
  url: URL;
  /** Where the finished file is to stand; `<path>.part` and `<path>.part.json` are beside it until then. */
  path: string;
  /** Exactly so many; undefined: what the server says, and at most `most`. */
  bytes?: number | undefined;
  most: number;
  sha256?: string | undefined;
  /** Told before the first byte how many more will be written. Errors: `disk-nearly-full` ends the download. */
  reserve(bytes: number): Promise<void>;
  /** Told how many of this file are there. */
  progress(bytes: number): void;
};

/** What a part belongs to; `url` is the SHA-256 of the address, in which a password or a signature may stand. A part without a validator is never gone on with: nobody could tell whether the rest fits. */
type PartState = { url: string; validator: string };

/** A failure that may be gone by the next try: a connection that was cut, an answer of an overloaded server. */
class Interrupted extends Error {}

/** So many failures in a row, none of which brought a byte, end it. */
const mostFailures = 5;

/**
 * Fetches a file, going on with what an earlier try has left, and gives it its name once it is whole, checked and durable.
 * Errors: `not-found`, `timeout`, `value-refused` (size or checksum are others; the part is removed), `disk-nearly-full`.
 */
export async function download(job: Download, network: Network): Promise<{ sha256: string; path: string }> {
  const part = `${job.path}.part`;
  for (let failures = 0; ; ) {
    const before = await sizeOf(part);
    try {
      const sha256 = await attempt(job, part, network);
      return { sha256, path: part };
    } catch (err) {
      if (network.signal?.aborted) throw stopped();
      const cause = err instanceof Interrupted ? err : isTimeout(err) ? err : undefined;
      if (cause === undefined) throw err;
      failures = (await sizeOf(part)) > before ? 1 : failures + 1;
      if (failures >= mostFailures) throw asTimeout(job, cause);
      await sleep(network.pauseMs * failures, undefined, { ...(network.signal && { signal: network.signal }) }).catch(
        () => Promise.reject(stopped()),
      );
    }
  }
}

const isTimeout = (err: unknown): err is AppError => err instanceof AppError && err.code === 'timeout';

function asTimeout({ url }: Download, cause: Error): AppError {
  if (isTimeout(cause)) return cause;
  return new AppError('timeout', {
    detail: `${shownUrl(url)} was cut off ${mostFailures} times (${cause.message}). The same command again goes on where it was.`,
    cause,
  });
}

async function attempt(job: Download, part: string, network: Network): Promise<string> {
  await using file = await open(part, 'a+', 0o600);
  const there = (await file.stat()).size;
  const state = await partState(`${part}.json`, job.url);
  const resumed = there > 0 && there <= (job.bytes ?? job.most) && state !== undefined;
  let hash = createHash('sha256');
  // Before anything is asked for: a server does not wait for as long as it takes to read gigabytes again.
  if (resumed) await hashInto(hash, file);
  if (resumed && there === job.bytes) {
    const sha256 = hash.digest('hex');
    if (job.sha256 === undefined || sha256 === job.sha256) {
      await file.sync();
      return sha256;
    }
    await forget(part);
    throw new Interrupted('what an earlier try has left is not the file');
  }
  const range: Record<string, string> = resumed ? { range: `bytes=${there}-`, 'if-range': state.validator } : {};
  const got = await get(job.url, { 'accept-encoding': 'identity', ...range }, network);
  try {
    if (got.status === 416) {
      // What is there is no beginning of the file, or all of it and not known to be: from the start.
      await forget(part);
      throw new Interrupted('it has no such part');
    }
    const start = startOf(job, got, resumed ? there : 0);
    const total = totalOf(job, got, start);
    if (start === 0) {
      hash = createHash('sha256');
      await file.truncate(0);
      await rm(`${part}.json`, { force: true });
    }
    await job.reserve(Math.max(0, (total ?? job.bytes ?? 0) - start));
    const validator = validatorOf(got);
    if (start === 0 && validator !== undefined)
      await writeJson(`${part}.json`, { url: sha256Hex(job.url.href), validator } satisfies PartState);
    const bytes = await append(job, file, bytesOf(got, network), hash, { start, total });
    return await accepted(job, part, file, { bytes, hash });
  } finally {
    got.body.destroy();
  }
}

async function partState(path: string, url: URL): Promise<PartState | undefined> {
  const state = (await readJson(path).catch(() => undefined)) as Partial<PartState> | undefined;
  return state?.url === sha256Hex(url.href) && typeof state.validator === 'string' ? (state as PartState) : undefined;
}

/** Strong ones only: a weak ETag promises no equal bytes. */
function validatorOf({ headers }: Got): string | undefined {
  const { etag } = headers;
  return etag !== undefined && !etag.startsWith('W/') ? etag : headers['last-modified'];
}

/** At which byte the body begins; a server without ranges, or with another file by now, sends it from the beginning. */
function startOf({ url }: Download, { status, headers }: Got, asked: number): number {
  const where = shownUrl(url);
  if (status === 200) return 0;
  if (status === 206) {
    const [, start] = /^bytes (\d+)-\d+\/(?:\d+|\*)$/.exec(headers['content-range'] ?? '') ?? [];
    if (asked > 0 && Number(start) === asked) return asked;
    throw new AppError('value-refused', { detail: `${where} sends another part of the file than was asked for.` });
  }
  if (status === 404 || status === 410)
    throw new AppError('not-found', {
      detail: `${where} is not there (${status}). Fetch the file by other means and use formstead models import.`,
    });
  if (status === 401 || status === 403)
    throw new AppError('value-refused', {
      detail: `${where} wants a login (${status}). Fetch the file by other means and use formstead models import.`,
    });
  if (status === 429 || status >= 500) throw new Interrupted(`it answered ${status}`);
  throw new AppError('value-refused', { detail: `${where} answered ${status}.` });
}

/** The size of the whole file, as the server says it. */
function totalOf(job: Download, { headers, status }: Got, start: number): number | undefined {
  const length = headers['content-length'];
  const [, ranged] = /\/(\d+)$/.exec(headers['content-range'] ?? '') ?? [];
  const total = status === 206 && ranged ? Number(ranged) : length === undefined ? undefined : start + Number(length);
  if (total !== undefined && (job.bytes === undefined ? total > job.most : total !== job.bytes))
    throw new AppError('value-refused', {
      detail: `${shownUrl(job.url)} has ${total} bytes, and ${job.bytes ?? `at most ${job.most}`} are expected. It is another file.`,
    });
  return total;
}

async function append(
  job: Download,
  file: FileHandle,
  chunks: AsyncIterable<Buffer>,
  hash: Hash,
  { start, total }: { start: number; total: number | undefined },
): Promise<number> {
  const limit = job.bytes ?? total ?? job.most;
  let bytes = start;
  try {
    for await (const chunk of chunks) {
      bytes += chunk.length;
      if (bytes > limit)
        throw new AppError('value-refused', {
          detail: `${shownUrl(job.url)} sends more than the ${limit} bytes expected.`,
        });
      hash.update(chunk);
      await file.appendFile(chunk);
      job.progress(bytes);
    }
  } catch (err) {
    const { code, syscall } = err as NodeJS.ErrnoException;
    // The disk's own errors name the call that failed on a file; the connection's end this try only.
    if (err instanceof AppError || syscall === 'write' || code === 'ENOSPC') throw err;
    throw new Interrupted((err as Error).message, { cause: err });
  }
  if (bytes < (job.bytes ?? total ?? 0)) throw new Interrupted(`after ${bytes} bytes`);
  return bytes;
}

async function hashInto(hash: Hash, file: FileHandle): Promise<void> {
  for await (const chunk of chunksOf(file)) hash.update(chunk);
}

async function accepted(
  { sha256, url, path }: Download,
  part: string,
  file: FileHandle,
  { bytes, hash }: { bytes: number; hash: Hash },
): Promise<string> {
  await file.sync();
  const found = hash.digest('hex');
  if (sha256 === undefined || found === sha256) return found;
  await forget(part);
  throw new AppError('value-refused', {
    detail: `${shownUrl(url)} has another checksum than expected (sha256 ${found}, ${bytes} bytes; expected ${sha256} for ${path.split('/').at(-1)}). What was fetched is removed. Try again; if it stays so, the file is not the one of the registry.`,
  });
}

async function forget(part: string): Promise<void> {
  await rm(part, { force: true });
  await rm(`${part}.json`, { force: true });
}

const sizeOf = (path: string): Promise<number> =>
  stat(path).then(
    ({ size }) => size,
    () => 0,
  );
