/** Where the text of a response lies among those of its form: an embedding, rounded to 8 bits. */
export type ResponseVector = {
  /** The response's id. */
  id: string;
  formId: string;
  /** Vectors of different models cannot be compared. */
  modelSha256: string;
  /** Base64 of signed bytes; times `scale` they are the embedding. */
  vector: string;
  scale: number;
  at: number;
};
