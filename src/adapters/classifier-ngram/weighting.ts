import type { Corpus } from './corpus.ts';
import { viewCount } from './features.ts';

/** The features that training has seen, by column: their hashes and views. */
export type Vocabulary = { hashes: Int32Array; viewOf: Uint8Array };

/** How much each feature says. */
export type Weighting = {
  /** By column. */
  weights: Float32Array;
  /** Weight of a feature that training has not seen. */
  unseen: number;
  /** Length of each view beside the others. */
  views: readonly number[];
};

/** Rows of a training set over the columns of a vocabulary, each of unit length (compressed sparse rows). */
export type Design = { starts: Int32Array; columns: Int32Array; values: Float32Array };

export type WeightingSettings = {
  /** 'labels': a feature tells more the fewer labels share it. 'texts': the fewer texts have it. */
  rarity: 'labels' | 'texts';
  views: readonly number[];
};

/** Features of the given rows, as the weightings need them. */
export type FeatureTable = {
  vocabulary: Vocabulary;
  /** Column by feature number of the corpus, -1 where none of the rows has it. */
  columnOf: Int32Array;
  /** By column: rows that have the feature, and the entropy (in nats) of their classes. */
  seen: Float64Array;
  entropy: Float64Array;
};

/** Collects the features of the given rows  `classOf` holds the class of every row of the corpus. */
export function tabulate(corpus: Corpus, rows: Int32Array, classOf: Int32Array, classes: number): FeatureTable {
  const { seen, entropy } = countFeatures(corpus, rows, classOf, classes);
  const columnOf = new Int32Array(seen.length).fill(-1);
  const kept: number[] = [];
  for (let feature = 0; feature < seen.length; feature++) {
    if (seen[feature]! === 0) continue;
    columnOf[feature] = kept.length;
    kept.push(feature);
  }
  return {
    vocabulary: {
      hashes: Int32Array.from(kept, (feature) => corpus.hashes[feature]!),
      viewOf: Uint8Array.from(kept, (feature) => corpus.viewOf[feature]!),
    },
    columnOf,
    seen: Float64Array.from(kept, (feature) => seen[feature]!),
    entropy: Float64Array.from(kept, (feature) => entropy[feature]!),
  };
}

/** Weighs the features of a table that was made of `rows` rows. */
export function weigh(table: FeatureTable, rows: number, classes: number, settings: WeightingSettings): Weighting {
  const byTexts = (seen: number) => Math.log((1 + rows) / (1 + seen)) + 1;
  const byLabels = (entropy: number) => Math.log(classes + 1) - entropy + 1;
  return settings.rarity === 'texts'
    ? { weights: Float32Array.from(table.seen, byTexts), unseen: byTexts(0), views: settings.views }
    : { weights: Float32Array.from(table.entropy, byLabels), unseen: byLabels(0), views: settings.views };
}

/** How many rows have each feature, and the entropy (in nats) of their labels. Rows are visited label by label, so that no table of features × labels is needed. */
function countFeatures(corpus: Corpus, rows: Int32Array, classOf: Int32Array, classes: number) {
  const seen = new Float64Array(corpus.hashes.length);
  const entropy = new Float64Array(corpus.hashes.length);
  const here = new Float64Array(corpus.hashes.length);
  const byClass: number[][] = Array.from({ length: classes }, () => []);
  for (const row of rows) byClass[classOf[row]!]!.push(row);
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

/** The given rows as weighted vectors. */
export function designOf(corpus: Corpus, rows: Int32Array, table: FeatureTable, weighting: Weighting): Design {
  const { columnOf, vocabulary } = table;
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
      const value = corpus.counts[at]! * (column < 0 ? weighting.unseen : weighting.weights[column]!);
      const view = corpus.viewOf[feature]!;
      squares[view] = squares[view]! + value * value;
      if (column < 0) continue;
      columns.push(column);
      values.push(value);
    }
    scaleViews(squares, weighting.views);
    for (let at = starts[r]!; at < columns.length; at++) {
      values[at] = values[at]! * squares[vocabulary.viewOf[columns[at]!]!]!;
    }
    starts[r + 1] = columns.length;
  }
  return { starts, columns: Int32Array.from(columns), values: Float32Array.from(values) };
}

/** Turns the sums of squares of a row's views into what to multiply their values with, so that each has its length beside the others and the row length 1. */
export function scaleViews(squares: Float64Array, views: readonly number[]): void {
  let total = 0;
  for (let view = 0; view < viewCount; view++) if (squares[view]! > 0) total += views[view]! ** 2;
  for (let view = 0; view < viewCount; view++) {
    if (squares[view]! > 0) squares[view] = views[view]! / Math.sqrt(squares[view]! * total);
  }
}
