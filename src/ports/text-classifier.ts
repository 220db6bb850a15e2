import type { Example } from '#domain/learning.ts';

/**
 * Text classifier: learns labels from a form's own examples and says how sure it is.
 *
 * Terminology
 * - **head**: a trained model of one form, a few hundred kB of bytes, identified by their sha256.
 * - **none**: the verdict that no label fits; only given where the form allows it.
 * - **abstain**: the confidence is under the head's threshold; the caller asks a person (or, later, a bigger model).
 */
export type LabelledText = { text: string; label: string };

export type HeadReport = {
  /** Texts learnt from, and distinct labels. */
  examples: number;
  labels: number;
  /** Cross-validated on the examples: share of right labels, 0…1; undefined with too few examples to hold any out. */
  accuracy?: number;
  /** Expected calibration error of the confidences, 0…1, cross-validated. */
  calibrationError?: number;
  /** Confidence below which the head abstains, 0…1. */
  threshold: number;
  milliseconds: number;
};

export type TrainedHead = { bytes: Uint8Array; sha256: string; labels: string[]; report: HeadReport };

export type Training =
  /** `examplesSha256`: of what was learnt, see `createLesson` in domain/learning.ts. */
  | ({ outcome: 'trained'; examplesSha256: string } & TrainedHead)
  /** The examples are those of `seen`. */
  | { outcome: 'unchanged' }
  /** A head needs examples of two labels; there are `labels`. */
  | { outcome: 'too-few-labels'; labels: number };

export type Classification = {
  /** The best label; undefined means "none". */
  label: string | undefined;
  /** Calibrated probability that the verdict is right, 0…1. */
  confidence: number;
  /** True when the verdict is too unsure to stand without a person. */
  abstained: boolean;
  /** The runners-up, best first, at most 3. */
  alternatives: { label: string; confidence: number }[];
};

export interface TextClassifier {
  /**
   * Trains a head on the newest word on each text. `pages` is asked for the next page when the one before has been taken in, off the caller's thread: the
   * caller never holds them all. Examples of labels that are not among `labels` are left out. Deterministic: the same examples in the same order give the
   * same bytes, however they are paged. `seen`: `examplesSha256` of a head that need not be trained again.
   * Errors: rejects when a page does, and with its reason when `signal` aborts.
   */
  train(input: {
    pages: AsyncIterable<Example[]>;
    labels: string[];
    allowNone: boolean;
    seen?: string;
    signal?: AbortSignal;
  }): Promise<Training>;

  /** Classifies texts with a head; `read` is only called when the head is not in memory. Order is kept. */
  classify(input: { head: HeadRef; texts: string[] }): Promise<Classification[]>;

  close(): Promise<void>;
}

export type HeadRef = { sha256: string; read: () => Promise<Uint8Array> };
