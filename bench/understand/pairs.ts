import { openEngine } from '#adapters/embedder-onnx/engine.ts';
import { nearest, quantise, quantisedDot } from '#domain/similarity.ts';
import type { LabelledText } from '#ports/text-classifier.ts';
import { readBanking77, readClinc } from './data.ts';

/** What a similarity says of two texts, to choose from which one on they are near-duplicates. */

type Files = { model: string; tokenizer: string; folder: string };

const thresholds = [0.9, 0.93, 0.95, 0.96, 0.97, 0.98, 0.99];

/** The same request, sent again with something changed that changes nothing. */
const rewordings: Record<string, (text: string) => string> = {
  'another case, no full stop': (text) => text.toUpperCase().replace(/[.?!]+$/, ''),
  'a greeting before it': (text) => `Hello, ${text}`,
  'thanks after it': (text) => `${text} Thank you!`,
  'two letters swapped': (text) => swapped(text),
  'a word doubled': (text) => text.replace(/(\S+)$/, '$1 $1'),
};
/** Another request in nearly the same words: what must not pass for the same. */
const changes: Record<string, (text: string) => string> = {
  'another number in it': (text) => `${text} The amount is 250.`,
  negated: (text) => text.replace(/\b(is|can|do|does|have|has|was|did|will)\b/i, '$1 not'),
};

function swapped(text: string): string {
  const at = Math.floor(text.length / 2);
  return text.slice(0, at) + (text[at + 1] ?? '') + (text[at] ?? '') + text.slice(at + 2);
}

export async function printPairs({ model, tokenizer, folder }: Files): Promise<void> {
  const settings = { dimensions: 384, mostTokens: 256, threads: 1, batchTokens: 512 };
  const engine = await openEngine({ model, tokenizer, ...settings });
  const { signal } = new AbortController();
  const embed = async (texts: string[]) => {
    const flat = await engine.embed(texts, signal);
    return texts.map((_, i) => quantise(flat.subarray(i * 384, (i + 1) * 384)));
  };
  const banking = readBanking77(folder);
  const clinc = readClinc(folder);
  await printNeighbours('Banking77', banking.train, banking.dev, embed);
  await printNeighbours('CLINC150', clinc.train, clinc.validation, embed);
  await printRewordings(banking.dev.slice(0, 500), embed);
}

type Embed = (texts: string[]) => Promise<ReturnType<typeof quantise>[]>;

/** Of each held-out text its nearest among the training texts: how often as near as that, and how often then of the same label. */
async function printNeighbours(name: string, train: LabelledText[], texts: LabelledText[], embed: Embed) {
  const known = await embed(train.map(({ text }) => text));
  const asked = await embed(texts.map(({ text }) => text));
  const values = new Int8Array(known.length * 384);
  for (const [row, one] of known.entries()) values.set(one.values, row * 384);
  const matrix = { dimensions: 384, values, scales: Float32Array.from(known, ({ scale }) => scale) };
  const found = asked.map((query, i) => {
    const [best] = nearest(matrix, query, 1);
    return { similarity: best!.similarity, same: train[best!.row]!.label === texts[i]!.label };
  });
  console.log(`${name}: ${texts.length} texts, the nearest of ${train.length}`);
  for (const threshold of thresholds) {
    const near = found.filter(({ similarity }) => similarity >= threshold);
    const same = near.filter((one) => one.same).length;
    const share = near.length === 0 ? '-' : `${((100 * same) / near.length).toFixed(1)} %`;
    console.log(
      `  ${threshold.toFixed(2)}  ${String(near.length).padStart(5)} (${((100 * near.length) / found.length).toFixed(1)} %)  same label ${share}`,
    );
  }
}

async function printRewordings(texts: LabelledText[], embed: Embed) {
  const plain = texts.map(({ text }) => text);
  const before = await embed(plain);
  console.log(`Banking77: ${texts.length} texts against themselves, changed; share from each similarity on`);
  console.log(`  ${' '.repeat(28)}${thresholds.map((one) => one.toFixed(2).padStart(7)).join('')}`);
  for (const [name, change] of Object.entries({ ...rewordings, ...changes })) {
    const rows = plain.map((text, i) => ({ i, text: change(text) })).filter(({ i, text }) => text !== plain[i]);
    const after = await embed(rows.map(({ text }) => text));
    const shares = thresholds.map((threshold) => {
      const count = rows.filter(({ i }, at) => quantisedDot(before[i]!, after[at]!) >= threshold).length;
      return `${((100 * count) / rows.length).toFixed(0)} %`.padStart(7);
    });
    console.log(`  ${name.padEnd(28)}${shares.join('')}`);
  }
}
