import { readFileSync } from 'node:fs';
import { createNgramClassifier } from '#adapters/classifier-ngram/classifier.ts';
import { decodeHead } from '#adapters/classifier-ngram/codec.ts';
import { createVerdict } from '#adapters/classifier-ngram/head.ts';
import { createOnnxEmbedder } from '#adapters/embedder-onnx/onnx-embedder.ts';
import { calibrationError } from '#domain/evaluation.ts';
import { labelText } from '#domain/label-text.ts';
import type { Example } from '#domain/learning.ts';
import { dequantise, quantise } from '#domain/similarity.ts';
import { zeroShot } from '#domain/zero-shot.ts';
import type { Embedder } from '#ports/embedder.ts';
import type { InstalledModel } from '#ports/model-store.ts';
import type { Classification, LabelledText, TextEmbeddings, TrainedHead } from '#ports/text-classifier.ts';
import { bankingLabels } from './banking-labels.ts';
import { type Measure, microseconds, outcomes, percent, refOf, shareRight, verdictMeasures } from './classification.ts';
import { type Clinc, firstOfEach, readBanking77, readClinc } from './data.ts';

/** How well texts are understood with embeddings: through the adapters themselves, processes, threads and bytes included. */

export type EmbeddingFiles = { model: string; tokenizer: string; sha256: string };

const asInstalled = ({ model, tokenizer, sha256 }: EmbeddingFiles): InstalledModel => ({
  entry: {
    name: 'bench',
    version: '1',
    purpose: 'embedding',
    licence: '',
    about: '',
    parameters: 0,
    dimensions: 384,
    files: [{ role: 'model', name: 'model.onnx', bytes: 0, sha256, source: { kind: 'file' } }],
    requires: { memoryBytes: 0, cores: 1 },
  },
  files: { model, tokenizer },
  bytes: readFileSync(model).length,
  installedAt: 0,
});

/** As the application gives them to the classifier: rounded to 8 bits. */
export async function embed(embedder: Embedder, texts: string[]): Promise<TextEmbeddings> {
  const { model, embeddings } = await embedder.embed(texts);
  return { modelSha256: model.sha256, vectors: embeddings.map((vector) => dequantise(quantise(vector))) };
}

type Parts = { train: LabelledText[]; none: string[]; texts: LabelledText[]; outside: string[] };

/** What a head says of the held-out texts, with their embeddings and without. */
async function learnAndAsk(embedder: Embedder, { train, none, texts, outside }: Parts, allowNone: boolean) {
  const classifier = createNgramClassifier();
  try {
    const examples: Example[] = [...train, ...none.map((text) => ({ text, label: null }))];
    const embeddings = await embed(
      embedder,
      examples.map(({ text }) => text),
    );
    const training = await classifier.train({
      pages: once({ examples, embeddings }),
      labels: [...new Set(train.map(({ label }) => label))],
      allowNone,
    });
    if (training.outcome !== 'trained') throw new Error(`not trained: ${training.outcome}`);
    const ask = async (of: string[], withEmbeddings: boolean): Promise<Classification[]> =>
      classifier.classify({
        head: refOf(training),
        texts: of,
        embeddings: withEmbeddings ? await embed(embedder, of) : undefined,
      });
    const asked = texts.map(({ text }) => text);
    const { modelSha256, vectors } = await embed(embedder, asked);
    const verdict = createVerdict(decodeHead(training.bytes));
    return {
      head: training as TrainedHead,
      microseconds: microseconds(asked.length, (at) => verdict(asked[at]!, { modelSha256, vector: vectors[at]! })),
      said: await ask(asked, true),
      without: await ask(asked, false),
      outside: await ask(outside, true),
    };
  } finally {
    await classifier.close();
  }
}

async function* once<T>(item: T): AsyncGenerator<T> {
  yield item;
}

async function banking(embedder: Embedder, train: LabelledText[], dev: LabelledText[], least: number) {
  const parts = { train, none: [], texts: dev, outside: [] };
  const { head, said, without, ...cost } = await learnAndAsk(embedder, parts, false);
  return [
    { name: 'accuracy', value: percent(shareRight(outcomes(dev, said))), least, unit: '%' },
    ...verdictMeasures(head, dev, said),
    { name: 'classification of an embedded text, processor time', value: cost.microseconds, most: 200, unit: 'µs' },
    { name: 'accuracy while the embedder is away', value: percent(shareRight(outcomes(dev, without))), unit: '%' },
  ] satisfies Measure[];
}

async function clinc(embedder: Embedder, data: Clinc, none: string[]): Promise<Measure[]> {
  const { train, validation, noneValidation } = data;
  const parts = { train, none, texts: validation, outside: noneValidation };
  const { head, said, outside } = await learnAndAsk(embedder, parts, true);
  const best = said.map((verdict) => verdict.label ?? verdict.alternatives[0]?.label);
  const named = validation.map((row, i) => ({ confidence: 0, right: best[i] === row.label }));
  const kept = said.filter((verdict) => verdict.label !== undefined).length / said.length;
  const refused = outside.filter((verdict) => verdict.label === undefined).length / outside.length;
  return [
    { name: 'accuracy in scope, best label', value: percent(shareRight(named)), least: 95, unit: '%' },
    {
      name: 'accuracy in scope, "none" counted as wrong',
      value: percent(shareRight(outcomes(validation, said))),
      unit: '%',
    },
    {
      name: 'out of scope, balanced accuracy, threshold of the head itself',
      value: percent((kept + refused) / 2),
      least: 90,
      unit: '%',
    },
    { name: 'in scope kept', value: percent(kept), unit: '%' },
    { name: 'out of scope refused', value: percent(refused), unit: '%' },
    ...verdictMeasures(head, validation, said),
  ];
}

async function described(embedder: Embedder, train: LabelledText[], dev: LabelledText[]): Promise<Measure[]> {
  const names = Object.keys(bankingLabels);
  const vectorsOf = async (rows: LabelledText[]) =>
    (
      await embed(
        embedder,
        rows.map(({ text }) => text),
      )
    ).vectors;
  const [ofTrain, ofDev] = [await vectorsOf(train), await vectorsOf(dev)];
  /** What the labels' texts alone say. */
  const verdicts = async (vectors: readonly Float32Array[], textOf: (name: string) => string) => {
    const ofLabels = await embed(embedder, names.map(textOf));
    const labels = names.map((name, i) => ({ name, vector: ofLabels.vectors[i]! }));
    return vectors.map((vector) => zeroShot(vector, labels)!);
  };
  const both = (name: string) => labelText({ name, description: bankingLabels[name]! });
  const said = await verdicts(ofDev, both);
  const amongFour = dev.filter(({ label }, i) =>
    [said[i]!.label, ...said[i]!.alternatives.map((other) => other.label)].includes(label),
  );
  const onTrain = async (textOf: (name: string) => string) => outcomes(train, await verdicts(ofTrain, textOf));
  const byBoth = await onTrain(both);
  const byName = await onTrain((name) => labelText({ name }));
  const byDescription = await onTrain((name) => bankingLabels[name]!);
  return [
    { name: 'accuracy', value: percent(shareRight(outcomes(dev, said))), least: 50, unit: '%' },
    { name: 'expected calibration error, 15 bins', value: percent(calibrationError(outcomes(dev, said))), unit: '%' },
    { name: 'the right label is among the four named', value: percent(amongFour.length / dev.length), unit: '%' },
    { name: 'on the training part: accuracy', value: percent(shareRight(byBoth)), unit: '%' },
    { name: 'on the training part: calibration error', value: percent(calibrationError(byBoth)), unit: '%' },
    { name: 'on the training part: by names only', value: percent(shareRight(byName)), unit: '%' },
    { name: 'on the training part: by descriptions only', value: percent(shareRight(byDescription)), unit: '%' },
  ];
}

export function openBenchEmbedder(files: EmbeddingFiles): Embedder {
  const installed = asInstalled(files);
  return createOnnxEmbedder({ active: async () => installed, memoryBytes: 2 ** 30 });
}

export async function* measureEmbeddings(folder: string, files: EmbeddingFiles) {
  const embedder = openBenchEmbedder(files);
  try {
    const { train, dev } = readBanking77(folder);
    yield {
      title: 'Embeddings alone: Banking77, labels known by name and description, no examples → dev.csv',
      measures: await described(embedder, train, dev),
    };
    const ten = firstOfEach(train, 10);
    yield {
      title: `With embeddings: Banking77, all ${train.length} training texts → ${dev.length} of dev.csv`,
      measures: await banking(embedder, train, dev, 93),
    };
    yield {
      title: `With embeddings: Banking77, 10 texts of each label (${ten.length}) → dev.csv`,
      measures: await banking(embedder, ten, dev, 82),
    };
    const data = readClinc(folder);
    yield {
      title: `With embeddings: CLINC150, train and oos_train → val (${data.validation.length}) and oos_val`,
      measures: await clinc(embedder, data, data.noneTrain),
    };
    yield {
      title: 'With embeddings: CLINC150 without oos_train',
      measures: await clinc(embedder, data, []),
    };
  } finally {
    await embedder.close();
  }
}
