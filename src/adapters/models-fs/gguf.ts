import { type FileHandle, open } from 'node:fs/promises';
import { AppError } from '#domain/errors.ts';
import type { GgufHead } from '#domain/models/gguf-entry.ts';

/* The head of a GGUF file, versions 2 and 3, as docs/gguf.md of ggml has it. Little endian: big-endian files are not made any more. */

const magic = 0x46554747;
/** Bytes read at once: the vocabulary in the head of a small model is 1 to 7 MB, and is only stepped over. */
const windowBytes = 256 * 1024;
/** Bounds of a file that is what it says. The largest vocabularies have 262,144 words, the largest models some thousand tensors. */
const most = { keys: 4096, keyBytes: 65_535, textBytes: 4 * 1024 ** 2, items: 4 * 1024 ** 2, tensors: 65_536, dims: 8 };
/** By the number of a type: bytes of a value. 8 is a text, 9 a list. */
const sizes: Record<number, number> = { 0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8 };
const textType = 8;
const listType = 9;
const wanted = /^general\.(name|architecture|license)$|\.context_length$|^tokenizer\.chat_template$/;

/** Errors: `value-refused` when it is no such file, or its head is cut off or beyond all bounds. */
export async function readGgufHead(path: string): Promise<GgufHead> {
  await using file = await open(path, 'r');
  const cursor = new Cursor(file, (await file.stat()).size);
  if (cursor.size < 24 || (await cursor.number(4)) !== magic) throw refused('it does not begin with GGUF');
  const version = await cursor.number(4);
  if (version !== 2 && version !== 3) throw refused(`version ${version} is none that this program knows`);
  const tensors = bounded(await cursor.number(8), most.tensors, 'tensors');
  const keys = bounded(await cursor.number(8), most.keys, 'keys');
  const values = new Map<string, string | number>();
  for (let i = 0; i < keys; i += 1) {
    const key = await cursor.text(most.keyBytes);
    const value = await readValue(cursor, await cursor.number(4), wanted.test(key));
    if (value !== undefined) values.set(key, value);
  }
  let parameters = 0;
  for (let i = 0; i < tensors; i += 1) parameters += await elementsOf(cursor);
  return headOf(values, parameters);
}

function headOf(values: Map<string, string | number>, parameters: number): GgufHead {
  const text = (key: string): string | undefined => {
    const value = values.get(key);
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const line = (key: string) =>
    text(key)
      ?.replaceAll(/[\x00-\x1f\x7f]+/g, ' ')
      .slice(0, 200);
  const architecture = line('general.architecture');
  const context = values.get(`${architecture}.context_length`);
  return {
    name: line('general.name'),
    architecture,
    licence: line('general.license'),
    contextTokens: typeof context === 'number' && context >= 1 && context <= 1e7 ? context : undefined,
    chatTemplate: text('tokenizer.chat_template'),
    parameters,
  };
}

/** The value of a key that is wanted, a text or a whole number; everything else is stepped over. */
async function readValue(cursor: Cursor, type: number, keep: boolean): Promise<string | number | undefined> {
  if (type === textType) {
    if (keep) return await cursor.text(most.textBytes);
    await cursor.skip(await cursor.number(8));
    return undefined;
  }
  if (type === listType) {
    await skipList(cursor);
    return undefined;
  }
  const size = sizes[type];
  if (size === undefined) throw refused(`a value of the unknown type ${type}`);
  if (keep && [4, 5, 10, 11].includes(type)) return await cursor.number(size);
  await cursor.skip(size);
  return undefined;
}

/** No file has lists in lists. */
async function skipList(cursor: Cursor): Promise<void> {
  const type = await cursor.number(4);
  const count = bounded(await cursor.number(8), most.items, 'items of a list');
  const size = sizes[type];
  if (size !== undefined) return await cursor.skip(size * count);
  if (type !== textType) throw refused(`a list of the type ${type}`);
  for (let i = 0; i < count; i += 1) await cursor.skip(await cursor.number(8));
}

async function elementsOf(cursor: Cursor): Promise<number> {
  await cursor.skip(bounded(await cursor.number(8), most.keyBytes, 'bytes of a name'));
  const dims = bounded(await cursor.number(4), most.dims, 'dimensions');
  let elements = 1;
  for (let i = 0; i < dims; i += 1) elements *= await cursor.number(8);
  await cursor.skip(4 + 8);
  if (!Number.isSafeInteger(elements)) throw refused('a tensor of impossible size');
  return elements;
}

function bounded(count: number, limit: number, what: string): number {
  if (count > limit) throw refused(`${count} ${what}`);
  return count;
}

/** Reads a file forward through a window, and never beyond its end. */
class Cursor {
  readonly size: number;
  readonly #file: FileHandle;
  readonly #window = Buffer.allocUnsafe(windowBytes);
  #start = 0;
  #filled = 0;
  #at = 0;

  constructor(file: FileHandle, size: number) {
    this.#file = file;
    this.size = size;
  }

  async skip(bytes: number): Promise<void> {
    // Also what is not a number any more: a length of 2^63 read as a double is far beyond every size.
    if (!(this.#at + bytes <= this.size)) throw refused('it is cut off');
    this.#at += bytes;
  }

  /** An unsigned little-endian number of 1, 2, 4 or 8 bytes; one beyond 2^53 is not exact, and beyond all bounds anyway. */
  async number(bytes: number): Promise<number> {
    const from = await this.#take(bytes);
    if (bytes < 8) return this.#window.readUIntLE(from, bytes);
    return Number(this.#window.readBigUInt64LE(from));
  }

  async text(limit: number): Promise<string> {
    const bytes = bounded(await this.number(8), limit, 'bytes of a text');
    if (bytes <= windowBytes) {
      const from = await this.#take(bytes);
      return this.#window.toString('utf8', from, from + bytes);
    }
    const start = this.#at;
    await this.skip(bytes);
    const long = Buffer.alloc(bytes);
    const { bytesRead } = await this.#file.read(long, 0, bytes, start);
    if (bytesRead < bytes) throw refused('it is cut off');
    return long.toString('utf8');
  }

  /** Where the next bytes stand in the window. */
  async #take(bytes: number): Promise<number> {
    const from = this.#at;
    await this.skip(bytes);
    if (from < this.#start || from + bytes > this.#start + this.#filled) {
      const { bytesRead } = await this.#file.read(this.#window, 0, windowBytes, from);
      if (bytesRead < bytes) throw refused('it is cut off');
      this.#start = from;
      this.#filled = bytesRead;
    }
    return from - this.#start;
  }
}

const refused = (why: string) =>
  new AppError('value-refused', { detail: `This is not a GGUF file that can be used: ${why}.` });
