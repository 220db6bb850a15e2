/** What the embedder and its child process say to each other, inside the messages of `adapters/child-process`. */
export type StartData = {
  /** Paths. */
  model: string;
  tokenizer: string;
  /** What the model is said to give. */
  dimensions: number;
  /** Longest input, in tokens; of a longer text the beginning is read. */
  mostTokens: number;
  threads: number;
  /** Tokens in a batch, padding included. */
  batchTokens: number;
};
export type ReadyData = { loadMs: number };
export type CallData = { texts: string[] };
/** One after the other, `dimensions` numbers each. */
export type AnswerData = { vectors: Float32Array };
