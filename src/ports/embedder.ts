/**
 * Embedder: turns texts into vectors that lie close together where the texts mean the same. Runs a model file of this machine, off the request path.
 *
 * Terminology
 * - **embedding**: a vector of unit length; the dot product of two is their similarity, -1…1.
 */
export type Embedding = Float32Array;

export type EmbeddingModel = {
  name: string;
  /** Of the model file, hex. Embeddings of different models cannot be compared. */
  sha256: string;
  dimensions: number;
};

export interface Embedder {
  /** The model in use now; undefined where there is none, which is no error: whoever asks does without. */
  model(): Promise<EmbeddingModel | undefined>;

  /**
   * One embedding for each text, in order, all by the same model. Texts longer than the model reads are cut at its end.
   * Errors: a `ModelError` `model-unavailable` where there is no model, or its process cannot be started or was killed; the reason of `signal` when it aborts.
   */
  embed(
    texts: readonly string[],
    options?: { signal?: AbortSignal },
  ): Promise<{ model: EmbeddingModel; embeddings: Embedding[] }>;

  close(): Promise<void>;
}
