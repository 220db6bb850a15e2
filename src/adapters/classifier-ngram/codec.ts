import { createHash } from 'node:crypto';
import { viewCount } from './features.ts';
import type { Dense, Head, Member } from './head.ts';
import { type ScopeModel, signCount } from './scope.ts';

/*
 * A head as bytes: "FSNGRAM" and a format number (8 bytes), length of the header in bytes (uint32, little endian), the header as JSON, zeros up to
 * a multiple of 8, then the arrays in the order that `encodeHead` names, each padded the same way. All numbers little endian. The header holds the sha256 of
 * everything after it. The format number also stands for the features (`features.ts`): change it when their hashes change. Format 2 has a part for
 * embeddings; a head without it is written as format 1, which the release before reads too.
 */
const magic = 'FSNGRAM';
const formats = [1, 2];

type Header = {
  labels: string[];
  classes: number;
  columns: number;
  members: { unseen: number; views: readonly number[]; entries: number }[];
  temperature: number;
  scope: ScopeModel | null;
  report: Head['report'];
  /** Format 2. */
  dense?: Omit<Dense, 'member'> & { modelSha256: string; dimensions: number };
  sha256: string;
};

/** The bytes are not a head, or not one of this format, or damaged. */
export class HeadFormatError extends Error {
  override name = 'HeadFormatError';
}

export function encodeHead(head: Head): Uint8Array {
  const arrays: (Int32Array | Uint8Array | Uint16Array | Int8Array | Float32Array)[] = [
    head.vocabulary.hashes,
    head.vocabulary.viewOf,
  ];
  for (const member of head.members) {
    arrays.push(member.weighting.weights, member.scales, member.bias, member.starts, member.classOf, member.weights);
  }
  const { dense } = head;
  if (dense) arrays.push(dense.member.mean, dense.member.scales, dense.member.bias, dense.member.weights);
  const body = join(arrays.map((array) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength)));
  const header: Header = {
    labels: head.labels,
    classes: head.classes,
    columns: head.vocabulary.hashes.length,
    members: head.members.map(({ weighting, weights }) => ({
      unseen: weighting.unseen,
      views: weighting.views,
      entries: weights.length,
    })),
    temperature: head.temperature,
    scope: head.scope ?? null,
    report: head.report,
    ...(dense && { dense: denseHeader(dense) }),
    sha256: sha256(body),
  };
  const json = Buffer.from(JSON.stringify(header));
  const start = Buffer.alloc(12);
  start.write(magic, 'latin1');
  start[7] = dense ? 2 : 1;
  start.writeUInt32LE(json.length, 8);
  return join([Buffer.concat([start, json]), body]);
}

function denseHeader({ member, ...calibration }: Dense): Header['dense'] {
  return { ...calibration, modelSha256: member.modelSha256, dimensions: member.mean.length };
}

/** Errors: `HeadFormatError`. */
export function decodeHead(bytes: Uint8Array): Head {
  const { header, body } = split(bytes);
  const { columns, classes } = header;
  let at = 0;
  const next = (length: number): ArrayBuffer => {
    // A copy of its own: a Buffer's `slice` would share memory, and typed arrays want aligned offsets.
    const part = new Uint8Array(length);
    part.set(body.subarray(at, at + length));
    at += padded(length);
    return part.buffer;
  };
  const vocabulary = { hashes: new Int32Array(next(columns * 4)), viewOf: new Uint8Array(next(columns)) };
  const members = header.members.map(({ unseen, views, entries }): Member => {
    const weights = new Float32Array(next(columns * 4));
    return {
      weighting: { weights, unseen, views },
      scales: new Float32Array(next(columns * 4)),
      bias: new Float32Array(next(classes * 4)),
      starts: new Int32Array(next((columns + 1) * 4)),
      classOf: new Uint16Array(next(entries * 2)),
      weights: new Int8Array(next(entries)),
    };
  });
  const { labels, temperature, scope, report } = header;
  const dense = header.dense && decodeDense(header.dense, classes, next);
  return { labels, classes, vocabulary, members, dense, temperature, scope: scope ?? undefined, report };
}

function decodeDense(
  { modelSha256, dimensions, share, temperature, scope, report }: NonNullable<Header['dense']>,
  classes: number,
  next: (length: number) => ArrayBuffer,
): Dense {
  const member = {
    modelSha256,
    mean: new Float32Array(next(dimensions * 4)),
    scales: new Float32Array(next(dimensions * 4)),
    bias: new Float32Array(next(classes * 4)),
    weights: new Int8Array(next(dimensions * classes)),
  };
  return { member, share, temperature, scope: scope ?? undefined, report };
}

/** Bytes of the arrays, in the order they are written. */
function bodyLength({ columns, classes, members, dense }: Header): number {
  const lengths = [columns * 4, columns];
  for (const { entries } of members) {
    lengths.push(columns * 4, columns * 4, classes * 4, (columns + 1) * 4, entries * 2, entries);
  }
  if (dense) lengths.push(dense.dimensions * 4, dense.dimensions * 4, classes * 4, dense.dimensions * classes);
  return lengths.reduce((sum, length) => sum + padded(length), 0);
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function split(bytes: Uint8Array): { header: Header; body: Uint8Array } {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.length < 12 || view.toString('latin1', 0, 7) !== magic) throw new HeadFormatError('not a head');
  if (!formats.includes(view[7]!))
    throw new HeadFormatError(`a head of format ${view[7]}, not of ${formats.join(' or ')}: train it again`);
  const end = 12 + view.readUInt32LE(8);
  if (end > view.length) throw new HeadFormatError('a head cut short in its header');
  const header = readHeader(view.toString('utf8', 12, end));
  const body = bytes.subarray(padded(end));
  const expected = bodyLength(header);
  if (body.length !== expected)
    throw new HeadFormatError(`a head of ${body.length} bytes where ${expected} are needed`);
  if (sha256(body) !== header.sha256) throw new HeadFormatError('a damaged head: its checksum differs');
  return { header, body };
}

function readHeader(json: string): Header {
  let header: Header;
  try {
    header = JSON.parse(json) as Header;
  } catch (cause) {
    throw new HeadFormatError('a head with an unreadable header', { cause });
  }
  const { labels, classes, columns, temperature, scope } = header;
  const fits =
    Array.isArray(labels) &&
    labels.length >= 2 &&
    labels.every((label) => typeof label === 'string') &&
    Number.isSafeInteger(columns) &&
    columns >= 0 &&
    (classes === labels.length || classes === labels.length + 1) &&
    temperature > 0 &&
    Array.isArray(header.members) &&
    header.members.every(memberFits) &&
    typeof header.report?.threshold === 'number' &&
    scopeFits(scope) &&
    (header.dense === undefined || denseFits(header.dense));
  if (!fits) throw new HeadFormatError('a head whose header does not fit');
  return header;
}

function scopeFits(scope: ScopeModel | null | undefined): boolean {
  return scope == null || (typeof scope.bias === 'number' && scope.weights?.length === signCount);
}

function denseFits({ modelSha256, dimensions, share, temperature, scope, report }: NonNullable<Header['dense']>) {
  return (
    typeof modelSha256 === 'string' &&
    Number.isSafeInteger(dimensions) &&
    dimensions > 0 &&
    share >= 0 &&
    share <= 1 &&
    temperature > 0 &&
    scopeFits(scope) &&
    typeof report?.threshold === 'number'
  );
}

function memberFits(member: Header['members'][number]): boolean {
  const { unseen, views, entries } = member;
  return typeof unseen === 'number' && views?.length === viewCount && Number.isSafeInteger(entries) && entries >= 0;
}

function padded(length: number): number {
  return Math.ceil(length / 8) * 8;
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const result = new Uint8Array(parts.reduce((sum, part) => sum + padded(part.length), 0));
  let at = 0;
  for (const part of parts) {
    result.set(part, at);
    at += padded(part.length);
  }
  return result;
}
