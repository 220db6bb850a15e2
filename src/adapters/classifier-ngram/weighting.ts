import type { Corpus } from './corpus.ts';
import { viewCount, viewWeights } from './features.ts';

/** The features a head knows: their hashes, views and weights by column. */
export type Vocabulary = {
  hashes: Int32Array;
  viewOf: Uint8Array;
  weights: Float32Array;
  /** Weight of a feature that training has not seen. */
  unseenWeight: number;
};

/** Rows of a training set over the columns of a vocabulary, each of unit length (compressed sparse rows). */
export type Design = { starts: Int32Array; columns: Int32Array; values: Float32Array };

export type WeightingSettings = {
  /** 'labels': a feature tells more the fewer labels share it. 'texts': the fewer texts have it. */
  rarity: 'labels' | 'texts';
  /** Features in fewer rows than this are left out. */
  leastRows: number;
};

/** Chooses and weighs the features of the given rows. `classes` holds the class of every row of the corpus. */
export function weigh(
  corpus: Corpus,
  rows: Int32Array,
  classes: Int32Array,
  classCount: number,
  settings: WeightingSettings,
) {
  const { seen, entropy } = countFeatures(corpus, rows, classes, classCount);
  const columnOf = new Int32Array(seen.length).fill(-1);
  const kept: number[] = [];
  for (let feature = 0; feature < seen.length; feature++) {
    if (seen[feature]! < settings.leastRows) continue;
    columnOf[feature] = kept.length;
    kept.push(feature);
  }
  const byTexts = (count: number) => Math.log((1 + rows.length) / (1 + count)) + 1;
  const byLabels = (spread: number) => Math.log(classCount + 1) - spread + 1;
  const vocabulary: Vocabulary = {
    hashes: Int32Array.from(kept, (feature) => corpus.hashes[feature]!),
    viewOf: Uint8Array.from(kept, (feature) => corpus.viewOf[feature]!),
    weights: Float32Array.from(kept, (feature) =>
      settings.rarity === 'texts' ? byTexts(seen[feature]!) : byLabels(entropy[feature]!),
    ),
    unseenWeight: settings.rarity === 'texts' ? byTexts(0) : byLabels(0),
  };
  return { vocabulary, design: designOf(corpus, rows, columnOf, vocabulary) };
}

/** How many rows have each feature, and the entropy (in nats) of their labels. Rows are visited label by label, so that no table of features × labels is needed. */
function countFeatures(corpus: Corpus, rows: Int32Array, classes: Int32Array, classCount: number) {
  const seen = new Float64Array(corpus.hashes.length);
  const entropy = new Float64Array(corpus.hashes.length);
  const here = new Float64Array(corpus.hashes.length);
  const byClass: number[][] = Array.from({ length: classCount }, () => []);
  for (const row of rows) byClass[classes[row]!]!.push(row);
  for (const own of byClass) {
    const touched: number[] = [];
    for (const row of own) {
      for (let at = corpus.starts[row]!; at < corpus.starts[row + 1]!; at++) {
        const feature = corpus.features[at]!;
        if (here[feature] === 0) touched.push(feature);
        here[feature] = here[feature]! + 1;
      }
    }
    for (const feature of touched) {
      const count = here[feature]!;
      seen[feature] = seen[feature]! + count;
      entropy[feature] = entropy[feature]! + count * Math.log(count);
      here[feature] = 0;
    }
  }
  for (let feature = 0; feature < seen.length; feature++) {
    const count = seen[feature]!;
    if (count > 0) entropy[feature] = Math.max(0, Math.log(count) - entropy[feature]! / count);
  }
  return { seen, entropy };
}

function designOf(corpus: Corpus, rows: Int32Array, columnOf: Int32Array, vocabulary: Vocabulary): Design {
  const starts = new Int32Array(rows.length + 1);
  const columns: number[] = [];
  const values: number[] = [];
  const squares = new Float64Array(viewCount);
  for (let r = 0; r < rows.length; r++) {
    const row = rows[r]!;
    squares.fill(0);
    for (let at = corpus.starts[row]!; at < corpus.starts[row + 1]!; at++) {
      const feature = corpus.features[at]!;
      const column = columnOf[feature]!;
      const value = corpus.counts[at]! * (column < 0 ? vocabulary.unseenWeight : vocabulary.weights[column]!);
      const view = corpus.viewOf[feature]!;
      squares[view] = squares[view]! + value * value;
      if (column < 0) continue;
      columns.push(column);
      values.push(value);
    }
    const factors = viewFactors(squares);
    for (let at = starts[r]!; at < columns.length; at++)
      values[at] = values[at]! * factors[vocabulary.viewOf[columns[at]!]!]!;
    starts[r + 1] = columns.length;
  }
  return { starts, columns: Int32Array.from(columns), values: Float32Array.from(values) };
}

/** What to multiply the values of each view with, so that each view has its weight's length and the row has length 1. */
export function viewFactors(squares: Float64Array): Float64Array {
  let total = 0;
  for (let view = 0; view < viewCount; view++) if (squares[view]! > 0) total += viewWeights[view]! ** 2;
  return squares.map((square, view) => (square > 0 ? viewWeights[view]! / Math.sqrt(square * total) : 0));
}
