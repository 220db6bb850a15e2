import { decodeTagger, sha256, TaggerFormatError } from './codec.ts';
import { createTag, type Tag } from './model.ts';

/** Taggers ready for use, by sha256; the least recently used go when together they pass `maxBytes` (the newest always stays). */
export function createTaggerCache(maxBytes: number) {
  const taggers = new Map<string, { tag: Tag; bytes: number }>();
  let held = 0;

  return {
    find(key: string): Tag | undefined {
      const found = taggers.get(key);
      if (!found) return undefined;
      taggers.delete(key);
      taggers.set(key, found);
      return found.tag;
    },

    /** Errors: `TaggerFormatError`, also when the bytes do not have the sha256 they are asked for by. */
    load(key: string, bytes: Uint8Array): Tag {
      const known = taggers.get(key);
      if (known) return known.tag;
      if (sha256(bytes) !== key) throw new TaggerFormatError(`the bytes of tagger ${key} have another sha256`);
      const tag = createTag(decodeTagger(bytes));
      taggers.set(key, { tag, bytes: bytes.length });
      held += bytes.length;
      for (const [oldest, { bytes: size }] of taggers) {
        if (held <= maxBytes || oldest === key) break;
        taggers.delete(oldest);
        held -= size;
      }
      return tag;
    },
  };
}
