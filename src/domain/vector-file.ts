import { sha256Hex } from './hash.ts';
import type { Quantised } from './similarity.ts';

/*
 * Vectors by the hash of their text, as bytes: "FSVECTS" and a format number (8 bytes), dimensions and count (uint32 each), then for each vector 16 bytes of the
 * text's sha256, its scale (float32) and its values (int8). All numbers little endian. 404 bytes for 384 dimensions: 4 MB for 10,000 texts.
 */
const magic = 'FSVECTS\x01';
const hashBytes = 16;
const headBytes = 16;

/** What vectors are kept by: the first 16 bytes of the text's sha256, hex. */
export function vectorKey(text: string): string {
  return sha256Hex(text).slice(0, hashBytes * 2);
}

/** All of `dimensions` numbers. The same vectors give the same bytes, in whatever order they come. */
export function encodeVectors(vectors: ReadonlyMap<string, Quantised>, dimensions: number): Uint8Array {
  const size = hashBytes + 4 + dimensions;
  const bytes = Buffer.alloc(headBytes + vectors.size * size);
  bytes.write(magic, 'latin1');
  bytes.writeUInt32LE(dimensions, 8);
  bytes.writeUInt32LE(vectors.size, 12);
  let at = headBytes;
  for (const key of [...vectors.keys()].sort()) {
    const { values, scale } = vectors.get(key)!;
    bytes.write(key, at, hashBytes, 'hex');
    bytes.writeFloatLE(scale, at + hashBytes);
    bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.length), at + hashBytes + 4);
    at += size;
  }
  return bytes;
}

/** None from bytes that are no such file: a vector can always be computed again. */
export function decodeVectors(file: Uint8Array): { dimensions: number; vectors: Map<string, Quantised> } {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  const vectors = new Map<string, Quantised>();
  if (bytes.length < headBytes || bytes.toString('latin1', 0, 8) !== magic) return { dimensions: 0, vectors };
  const dimensions = bytes.readUInt32LE(8);
  const size = hashBytes + 4 + dimensions;
  const count = bytes.readUInt32LE(12);
  if (bytes.length !== headBytes + count * size) return { dimensions: 0, vectors };
  for (let at = headBytes; at < bytes.length; at += size) {
    const values = Int8Array.from(bytes.subarray(at + hashBytes + 4, at + size));
    vectors.set(bytes.toString('hex', at, at + hashBytes), { values, scale: bytes.readFloatLE(at + hashBytes) });
  }
  return { dimensions, vectors };
}
