import { createHash } from 'node:crypto';
import { statesOf, transitionsOf } from './lattice.ts';
import type { Model } from './model.ts';

/*
 * A tagger as bytes: "FSTAGGE" and a format number (8 bytes), length of the header in bytes (uint32, little endian), the header as JSON, zeros up to a
 * multiple of 4, then hashes, weights and transitions. All numbers little endian. The header holds the sha256 of everything after it. The format number
 * also stands for the features (`features.ts`, `tokens.ts`): change it when their hashes change.
 */
const magic = 'FSTAGGE\x01';

/** What a tagger has learnt from, and how it is written: another format calls for another training. */
export const seenBy = (examplesSha256: string): string => sha256(Buffer.from(`${magic}${examplesSha256}`));

type Header = { fields: string[]; columns: number; sharpness: number; sha256: string };

/** The bytes are not a tagger, or not one of this format, or damaged. */
export class TaggerFormatError extends Error {
  override name = 'TaggerFormatError';
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

export function encodeTagger({ fields, hashes, weights, transitions, sharpness }: Model): Uint8Array {
  const body = Buffer.concat(
    [hashes, weights, transitions].map(({ buffer, byteOffset, byteLength }) =>
      Buffer.from(buffer, byteOffset, byteLength),
    ),
  );
  const header: Header = { fields, columns: hashes.length, sharpness, sha256: sha256(body) };
  const json = Buffer.from(JSON.stringify(header));
  const start = Buffer.alloc(bodyStart(json.length));
  start.write(magic, 'latin1');
  start.writeUInt32LE(json.length, 8);
  start.set(json, 12);
  return new Uint8Array(Buffer.concat([start, body]));
}

/** Errors: `TaggerFormatError`. */
export function decodeTagger(bytes: Uint8Array): Model {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.length < 12 || view.toString('latin1', 0, 7) !== magic.slice(0, 7))
    throw new TaggerFormatError('not a tagger');
  if (view[7] !== magic.charCodeAt(7))
    throw new TaggerFormatError(`a tagger of format ${view[7]}, not of ${magic.charCodeAt(7)}: train it again`);
  const length = view.readUInt32LE(8);
  if (12 + length > view.length) throw new TaggerFormatError('a tagger cut short in its header');
  const { fields, columns, sharpness, sha256: expected } = readHeader(view.toString('utf8', 12, 12 + length));
  const states = statesOf(fields.length);
  const lengths = [columns, columns * states, transitionsOf(fields.length)];
  const body = view.subarray(bodyStart(length));
  const needed = 4 * lengths.reduce((sum, one) => sum + one, 0);
  if (body.length !== needed)
    throw new TaggerFormatError(`a tagger of ${body.length} bytes where ${needed} are needed`);
  if (sha256(body) !== expected) throw new TaggerFormatError('a damaged tagger: its checksum differs');
  let at = 0;
  const next = (count: number): ArrayBuffer => {
    // A copy of its own: typed arrays want aligned offsets.
    const part = new Uint8Array(body.subarray(at, at + count * 4));
    at += count * 4;
    return part.buffer;
  };
  return {
    fields,
    hashes: new Int32Array(next(lengths[0]!)),
    weights: new Float32Array(next(lengths[1]!)),
    transitions: new Float32Array(next(lengths[2]!)),
    sharpness,
  };
}

const bodyStart = (headerLength: number): number => Math.ceil((12 + headerLength) / 4) * 4;

function readHeader(json: string): Header {
  let header: Header;
  try {
    header = JSON.parse(json) as Header;
  } catch (cause) {
    throw new TaggerFormatError('a tagger with an unreadable header', { cause });
  }
  const { fields, columns, sharpness } = header;
  const fits =
    Array.isArray(fields) &&
    fields.length > 0 &&
    fields.every((field) => typeof field === 'string') &&
    Number.isSafeInteger(columns) &&
    columns >= 0 &&
    sharpness > 0;
  if (!fits) throw new TaggerFormatError('a tagger whose header does not fit');
  return header;
}
