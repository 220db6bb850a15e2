import { accuracy, type Judged, type VerdictScore, verdictScore } from '#domain/evaluation.ts';

/** The head's verdicts on the texts that the language model was asked about, to compare them with its own. */
export const headBesideModel = 'head where the model was asked';

/** A tier, `headBesideModel`, `joint` (model and head together), or `cascade` (what is kept in the end). */
export type Whose = string;

export type WhoseScore = VerdictScore & {
  whose: Whose;
  /** Of the verdicts that stand without a person; undefined where a verdict never does by itself. */
  standing: { share: number; accuracy: number | undefined } | undefined;
};

export type Verdicts = ReturnType<typeof createVerdicts>;

export function createVerdicts() {
  const by = new Map<Whose, { all: Judged[]; standing: Judged[] | undefined }>();
  return {
    /** `stands`: whether the verdict would stand without a person; undefined where nobody knows. */
    add(
      whose: Whose,
      target: string | null,
      { label, confidence }: Pick<Judged, 'label' | 'confidence'>,
      stands?: boolean,
    ): void {
      const entry = by.get(whose) ?? { all: [], standing: undefined };
      by.set(whose, entry);
      const judged = { target, label, confidence };
      entry.all.push(judged);
      if (stands === undefined) return;
      entry.standing ??= [];
      if (stands) entry.standing.push(judged);
    },
    scores: (): WhoseScore[] =>
      [...by].map(([whose, { all, standing }]) => ({
        whose,
        ...verdictScore(all),
        standing: standing && { share: standing.length / all.length, accuracy: accuracy(standing) },
      })),
  };
}
