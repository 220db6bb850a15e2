import { decodeHead, HeadFormatError, sha256 } from './codec.ts';
import { createVerdict } from './head.ts';

/** Verdict on one text. */
export type Classify = ReturnType<typeof createVerdict>;

/** Heads ready for use, by sha256; the least recently used go when together they pass `maxBytes` (the newest always stays). */
export function createHeadCache(maxBytes: number) {
  const heads = new Map<string, { classify: Classify; bytes: number }>();
  let held = 0;

  return {
    find(key: string): Classify | undefined {
      const found = heads.get(key);
      if (!found) return undefined;
      heads.delete(key);
      heads.set(key, found);
      return found.classify;
    },

    /** Errors: `HeadFormatError`, also when the bytes do not have the sha256 they are asked for by. */
    load(key: string, bytes: Uint8Array): Classify {
      const known = heads.get(key);
      if (known) return known.classify;
      if (sha256(bytes) !== key) throw new HeadFormatError(`the bytes of head ${key} have another sha256`);
      const classify = createVerdict(decodeHead(bytes));
      heads.set(key, { classify, bytes: bytes.length });
      held += bytes.length;
      for (const [oldest, { bytes: size }] of heads) {
        if (held <= maxBytes || oldest === key) break;
        heads.delete(oldest);
        held -= size;
      }
      return classify;
    },

    size: () => heads.size,
  };
}
