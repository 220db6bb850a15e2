import { hash } from 'node:crypto';
import type { Embedding } from '#ports/embedder.ts';

/** The embeddings that were used last, at most `most`, by model and sha256 of the text: the texts themselves are not kept. */
export function createEmbeddingCache(most: number) {
  const held = new Map<string, Embedding>();
  const keyOf = (model: string, text: string) => hash('sha256', `${model}\0${text}`, 'base64');
  return {
    find(model: string, text: string): Embedding | undefined {
      const key = keyOf(model, text);
      const found = held.get(key);
      if (!found) return undefined;
      held.delete(key);
      held.set(key, found);
      return found;
    },
    add(model: string, text: string, vector: Embedding): void {
      held.set(keyOf(model, text), vector);
      if (held.size > most) held.delete(held.keys().next().value!);
    },
    size: () => held.size,
  };
}
