import type { Example } from '#domain/learning.ts';
import type { Embedding } from './embedder.ts';

/**
 * Text classifier: learns labels from a form's own examples and says how sure it is.
 *
 * Terminology
 * - **head**: a trained model of one form, a few hundred kB of bytes, identified by their sha256.
 * - **none**: the verdict that no label fits; only given where the form allows it.
 * - **abstain**: the confidence is under the head's threshold; the caller asks a person (or, later, a bigger model).
 */
export type LabelledText = { text: string; label: string };

/** Embeddings of texts, in their order, all by one model. */
export type TextEmbeddings = { modelSha256: string; vectors: readonly Embedding[] };

export type ExamplePage = { examples: Example[]; embeddings?: TextEmbeddings };

/** What a head has learnt: the sha256 of its lesson (`createLesson` in domain/learning.ts), and of the model of its embeddings where it has any. */
export type Learnt = { examplesSha256: string; embeddingSha256?: string | undefined };

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
  | ({ outcome: 'trained' } & Learnt & TrainedHead)
  /** The examples are those of `seen`, and so are their embeddings, or there are none now. */
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
  /** The label is known by its name and description only (domain/zero-shot.ts). */
  zeroShot?: true;
};

export interface TextClassifier {
  /**
   * Trains a head on the newest word on each text. `pages` is asked for the next page when the one before has been taken in, off the caller's thread: the
   * caller never holds them all. Examples of labels that are not among `labels` are left out. Deterministic: the same examples in the same order give the
   * same bytes, however they are paged. Where every page has embeddings of the same model, the head learns from them too; it still answers texts without one,
   * and is calibrated apart for those. `seen`: what a head that need not be trained again has learnt.
   * Errors: rejects when a page does, and with its reason when `signal` aborts.
   */
  train(input: {
    pages: AsyncIterable<ExamplePage>;
    labels: string[];
    allowNone: boolean;
    seen?: Learnt | undefined;
    signal?: AbortSignal;
  }): Promise<Training>;

  /**
   * Classifies texts with a head; `read` is only called when the head is not in memory. Order is kept. Embeddings of another model than the head was trained
   * with are ignored.
   */
  classify(input: {
    head: HeadRef;
    texts: string[];
    embeddings?: TextEmbeddings | undefined;
  }): Promise<Classification[]>;

  close(): Promise<void>;
}

export type HeadRef = { sha256: string; read: () => Promise<Uint8Array> };
