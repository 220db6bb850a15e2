import { dotProduct } from './similarity.ts';

/** A label and the embedding of its `labelText`. */
export type DescribedLabel = { name: string; vector: Float32Array };

export type Verdict = {
  /** Undefined: none of them. */
  label: string | undefined;
  confidence: number;
  abstained: boolean;
  alternatives: { label: string; confidence: number }[];
  /** The label is known by its name and description only. */
  zeroShot?: true;
};

/**
 * Turns similarities into probabilities: the one under which the right labels of Banking77's training part are likeliest. There the confidence is off by 2.6 % on
 * average (bench/understand.ts); on the texts of another form nobody knows, so such a verdict never stands without a person.
 */
const temperature = 0.055;
const runnersUp = 3;

/** The labels by the similarity of their descriptions to the text, with probabilities, best first. */
export function bySimilarity(text: Float32Array, labels: readonly DescribedLabel[]) {
  const found = labels.map(({ name, vector }) => ({ label: name, similarity: dotProduct(text, vector) }));
  const top = Math.max(...found.map(({ similarity }) => similarity));
  const weights = found.map(({ similarity }) => Math.exp((similarity - top) / temperature));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return found
    .map(({ label }, i) => ({ label, confidence: weights[i]! / total }))
    .sort((a, b) => b.confidence - a.confidence);
}

/** The verdict where no label has examples: the most similar description, abstaining. Undefined without any label. */
export function zeroShot(text: Float32Array, labels: readonly DescribedLabel[]): Verdict | undefined {
  const [best, ...others] = bySimilarity(text, labels);
  return best && { ...best, abstained: true, alternatives: others.slice(0, runnersUp), zeroShot: true };
}

/**
 * The verdict where a head knows some of the labels and the others have no example yet. Descriptions are compared with descriptions: what similarity gives to the
 * labels that the head does not know is theirs, and the rest is the head's. A head's "none" stands unless such a label is likelier.
 */
export function withUntrained(
  verdict: Verdict,
  text: Float32Array,
  labels: readonly DescribedLabel[],
  trained: ReadonlySet<string>,
): Verdict {
  const untrained = bySimilarity(text, labels).filter(({ label }) => !trained.has(label));
  const theirs = untrained.reduce((sum, { confidence }) => sum + confidence, 0);
  if (untrained.length === 0) return verdict;
  const rest = 1 - theirs;
  const own = verdict.confidence * rest;
  const ranked = [
    ...untrained,
    ...verdict.alternatives.map(({ label, confidence }) => ({ label, confidence: confidence * rest })),
  ].sort((a, b) => b.confidence - a.confidence);
  const [first] = untrained;
  if (first!.confidence <= own)
    return {
      ...verdict,
      confidence: own,
      // As sure as before only of what is not shared with labels that nobody has shown an example of.
      abstained: verdict.abstained || own < 0.5,
      alternatives: ranked.slice(0, runnersUp),
    };
  const others = ranked.filter(({ label }) => label !== first!.label);
  if (verdict.label !== undefined) others.push({ label: verdict.label, confidence: own });
  others.sort((a, b) => b.confidence - a.confidence);
  return { ...first!, abstained: true, alternatives: others.slice(0, runnersUp), zeroShot: true };
}
