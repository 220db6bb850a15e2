import { createWriteStream } from 'node:fs';
import { PassThrough } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { diskRefusal } from '#domain/disk-refusal.ts';
import { mostBytes } from '#domain/utf8.ts';
import type { ExportSink } from '#ports/export-writer.ts';

// Level 6 made JSON lines 4.5 % smaller and took half as much processor time again (bench/export-formats.ts prints both).
const gzipLevel = 3;
/** zlib's most, 128 kB more than its default: a tenth less time, and files no larger. */
const gzipMemLevel = 9;
/**
 * Bytes that may wait to be compressed. Who writes waits only for room among them, never for all of them to be gone (as the `drain` of a stream would have it):
 * the one thread makes lines while the other compresses the last.
 */
const mostWaiting = 512 * 1024;
/** Compressed bytes that come back at once. */
const chunkSize = 128 * 1024;

/** Texts are put together into pieces of so many bytes; a longer text is a piece of its own. */
const pieceBytes = 128 * 1024;

/** A new file that grows by the texts that are written, UTF-8. Errors: `storage-unavailable`; the signal's reason once it is aborted. */
export function openTextFile(file: {
  path: string;
  gzip: boolean;
  signal: AbortSignal;
}): ExportSink<Iterable<string | Uint8Array>> {
  const { path, signal } = file;
  const output = createWriteStream(path, { flags: 'wx', mode: 0o600 });
  const input = file.gzip ? createGzip({ level: gzipLevel, memLevel: gzipMemLevel, chunkSize }) : new PassThrough();
  const done = pipeline(input, output, { signal }).catch((err) => {
    throw signal.aborted ? signal.reason : refused(err, path);
  });
  // Whoever writes or closes next is told.
  done.catch(() => {});

  const encoder = new TextEncoder();
  let piece = new Uint8Array(0);
  let used = 0;
  let waiting = 0;
  let room = Promise.withResolvers<void>();

  function compress(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    waiting += bytes.length;
    input.write(bytes, () => {
      waiting -= bytes.length;
      if (waiting > mostWaiting) return;
      room.resolve();
      room = Promise.withResolvers();
    });
  }

  /** Ends the piece, and waits for room for another. */
  async function send(): Promise<void> {
    compress(piece.subarray(0, used));
    piece = new Uint8Array(0);
    used = 0;
    if (waiting > mostWaiting) await Promise.race([room.promise, done]);
  }

  return {
    async write(texts) {
      signal.throwIfAborted();
      for (const text of texts) {
        if (typeof text !== 'string') {
          await send();
          compress(text);
          continue;
        }
        const most = mostBytes(text);
        if (piece.length - used < most) {
          await send();
          piece = Buffer.allocUnsafeSlow(Math.max(pieceBytes, most));
        }
        // Straight into its place: joined to one text first, and then encoded, it took 1 µs more for each kB.
        used += encoder.encodeInto(text, piece.subarray(used)).written;
      }
      if (input.destroyed) await done;
    },
    async close() {
      compress(piece.subarray(0, used));
      input.end();
      await done;
    },
    async discard() {
      input.destroy();
      await done.catch(() => {});
    },
  };
}

function refused(error: unknown, path: string): unknown {
  if (!(error instanceof Error) || !('syscall' in error)) return error;
  return diskRefusal(error, path);
}
