import { eachFeature } from './features.ts';
import { createHashIndex } from './hash-index.ts';

/** Texts as counted features, row by row (compressed sparse rows). Features are numbered over all texts in order of arrival. */
export type Corpus = {
  /** Row r holds the entries starts[r] … starts[r + 1] - 1. */
  starts: Int32Array;
  features: Int32Array;
  /** 1 + ln(count): a word said four times is not four times as telling. */
  counts: Float32Array;
  /** Hash and view by feature number. */
  hashes: Int32Array;
  viewOf: Uint8Array;
};

export function countTexts(texts: readonly string[]): Corpus {
  const index = createHashIndex(texts.length * 20);
  const viewOf: number[] = [];
  const features: number[] = [];
  const counts: number[] = [];
  const starts = new Int32Array(texts.length + 1);
  const inRow = new Map<number, number>();
  for (let row = 0; row < texts.length; row++) {
    inRow.clear();
    eachFeature(texts[row]!, (hash, view) => {
      const feature = index.add(hash);
      viewOf[feature] = view;
      inRow.set(feature, (inRow.get(feature) ?? 0) + 1);
    });
    for (const [feature, count] of inRow) {
      features.push(feature);
      counts.push(1 + Math.log(count));
    }
    starts[row + 1] = features.length;
  }
  return {
    starts,
    features: Int32Array.from(features),
    counts: Float32Array.from(counts),
    hashes: index.hashes(),
    viewOf: Uint8Array.from(viewOf),
  };
}
