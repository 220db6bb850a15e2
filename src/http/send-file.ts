import type { FastifyReply, FastifyRequest } from 'fastify';
import { AppError } from '#domain/errors.ts';
import { byteRange } from './byte-range.ts';
import { matchesEtag } from './etag.ts';

export type SentFile = {
  name: string;
  type: string;
  bytes: number;
  sha256: string;
  /** The bytes, `start` and `end` inclusive. Errors: those that are answered instead of the file. */
  read(range?: { start: number; end: number }): Promise<AsyncIterable<Uint8Array>>;
};

/** What a route that sends a file takes. */
export const fileHeaders = {
  type: 'object',
  properties: {
    range: { type: 'string', description: 'One range of bytes, such as bytes=0-1023.' },
    'if-range': { type: 'string', description: 'The ETag: another file is sent whole.' },
    'if-none-match': { type: 'string' },
  },
} as const;

/** Sends a file, or a range of it: 200, 206, 304. Errors: `range-not-satisfiable`, those of reading. */
export async function sendFile(request: FastifyRequest, reply: FastifyReply, file: SentFile): Promise<FastifyReply> {
  const { bytes, sha256 } = file;
  const etag = `"${sha256}"`;
  reply
    .header('etag', etag)
    .header('accept-ranges', 'bytes')
    .header('cache-control', 'private, no-cache')
    .header('content-disposition', `attachment; filename="${file.name}"`);
  if (matchesEtag(request.headers['if-none-match'], etag)) return reply.code(304).send();

  const { 'if-range': ifRange, range: header } = request.headers;
  // Dates never match: a file has no other mark than its hash.
  const range = ifRange === undefined || ifRange === etag ? byteRange(header, bytes) : undefined;
  if (range === 'unsatisfiable') {
    reply.header('content-range', `bytes */${bytes}`);
    throw new AppError('range-not-satisfiable', { detail: `The file has ${bytes} bytes.` });
  }
  // Opened before the head is sent: a file that is gone, or not whole, is still an error then.
  const chunks = await file.read(range);
  reply.type(file.type).header('content-length', range ? range.end - range.start + 1 : bytes);
  if (range) reply.code(206).header('content-range', `bytes ${range.start}-${range.end}/${bytes}`);
  return reply.send(ReadableStream.from(chunks));
}
