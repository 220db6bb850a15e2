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
   * Trains a head. `none` holds texts that belong to no label (may be empty). Deterministic: the same examples in the same order give the same bytes.
   * Errors: rejects when there are fewer than two labels with an example, or when `signal` aborts.
   */
  train(input: {
    examples: LabelledText[];
    none: string[];
    allowNone: boolean;
    signal?: AbortSignal;
  }): Promise<TrainedHead>;

  /** Classifies texts with a head; `read` is only called when the head is not in memory. Order is kept. */
  classify(input: { head: HeadRef; texts: string[] }): Promise<Classification[]>;

  close(): Promise<void>;
}

export type HeadRef = { sha256: string; read: () => Promise<Uint8Array> };
