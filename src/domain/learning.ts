/** A labelled text a form's head learns from; `label: null` says "none of them". */
export type Example = { text: string; label: string | null };

/** Examples as they came in, one document an upload (or one review); a later text overrules the same text in an earlier one. */
export type ExampleBatch = { id: string; formId: string; source: 'upload' | 'review'; at: number; items: Example[] };

/** The head that a form answers with now. */
export type FormHead = {
  /** The form's id: there is one at a time. */
  id: string;
  sha256: string;
  /** Name of its bytes in the blob store. */
  file: string;
  labels: string[];
  examples: number;
  accuracy: number | undefined;
  calibrationError: number | undefined;
  threshold: number;
  milliseconds: number;
  /** Examples that this head has seen: changes whenever one more would change it. */
  examplesSha256: string;
  trainedAt: number;
};
