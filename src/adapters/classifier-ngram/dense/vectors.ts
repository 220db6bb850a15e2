import type { Embedding } from '#ports/embedder.ts';
import type { ExamplePage, TextEmbeddings } from '#ports/text-classifier.ts';

/** Gathers the embeddings of a lesson's pages, by text. */
export function createVectors() {
  const byText = new Map<string, Embedding>();
  const models = new Set<string | undefined>();
  return {
    add({ examples, embeddings }: ExamplePage): void {
      if (examples.length === 0) return;
      models.add(embeddings?.modelSha256);
      for (const [i, vector] of (embeddings?.vectors ?? []).entries()) byText.set(examples[i]!.text, vector);
    },
    /** Undefined unless every page had embeddings, all of one model: half a lesson would teach what is not so of the other half. */
    of(texts: readonly string[]): TextEmbeddings | undefined {
      const [modelSha256] = models;
      if (models.size !== 1 || modelSha256 === undefined) return undefined;
      const vectors = texts.flatMap((text) => byText.get(text) ?? []);
      return vectors.length === texts.length ? { modelSha256, vectors } : undefined;
    },
  };
}
export type Vectors = ReturnType<typeof createVectors>;
