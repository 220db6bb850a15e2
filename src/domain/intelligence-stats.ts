import { type Quantiles, quantilesOf } from './quantiles.ts';
import { type Part, type Provenance, parts, type Response, type Tier } from './response.ts';

/** Results of one part that one model of a tier gave. */
export type TierStats = {
  tier: Tier;
  model: string;
  modelSha256: string | undefined;
  /** Results that are its word now, unsure ones too; of fields: responses in which at least one is. */
  answered: number;
  /** Of the responses that have a result of this part. Of fields several tiers may share a response. */
  share: number;
  /** Of `answered`: left for a person. */
  needsReview: number;
  /** Of `answered`: a person has looked at this part; and has left it as it was. */
  reviewed: number;
  agreed: number;
  /** Undefined where no time was taken: what came from the cache has waited for nobody. */
  milliseconds: Quantiles | undefined;
  queueMs: Quantiles | undefined;
  firstTokenMs: Quantiles | undefined;
  tokens: { read: number; reused: number; written: number } | undefined;
  /** Results that were there already, since the same question had been asked before. */
  cached: number;
};

export type PartStats = {
  /** Responses that have a result of this part. */
  results: number;
  tiers: TierStats[];
  /** How each tier ended, `<tier>:<outcome>`: what was not asked, and why, is here too. */
  outcomes: Record<string, number>;
};

export type IntelligenceStats = {
  responses: number;
  /** Of the oldest and the newest of them, epoch ms. */
  from: number | undefined;
  to: number | undefined;
  parts: Record<Part, PartStats>;
  droppedValues: number;
  /** Of the responses that were to get a label: those that the machine gave none that stands. Undefined where there are none. */
  abstainedShare: number | undefined;
  /** What the language model spent on a response, the waiting and what did not stand included. */
  modelMilliseconds: Quantiles | undefined;
};

type Seen = Pick<Response, 'submittedAt' | 'understanding' | 'review'>;

/**
 * What the tiers did for some responses, from what is kept with each: exact, and the same whichever process counts. Of a response that was read again it is the
 * last reading. Holds a few numbers for each response.
 */
export function statsOf() {
  const byPart = Object.fromEntries(parts.map((part) => [part, partCount()])) as Record<Part, PartCount>;
  const modelMs: number[] = [];
  let [responses, dropped, asked, abstained] = [0, 0, 0, 0];
  let [from, to] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];

  function add(response: Seen): void {
    responses += 1;
    from = Math.min(from, response.submittedAt);
    to = Math.max(to, response.submittedAt);
    const { understanding } = response;
    if (!understanding) return;
    for (const { part, tier, outcome } of understanding.trail ?? []) byPart[part].end(`${tier}:${outcome}`);
    if (understanding.modelMs !== undefined) modelMs.push(understanding.modelMs);
    const { tagger, llm } = understanding.extract ?? {};
    dropped += (tagger?.dropped ?? 0) + (llm?.dropped ?? 0);
    if (understanding.classify || understanding.trail?.some(({ part }) => part === 'classify')) {
      asked += 1;
      if (understanding.classify?.needsReview !== false) abstained += 1;
    }
    addClassify(byPart.classify, response);
    addExtract(byPart.extract, response);
    addRespond(byPart.respond, response);
  }

  return {
    add,
    result: (): IntelligenceStats => ({
      responses,
      from: responses === 0 ? undefined : from,
      to: responses === 0 ? undefined : to,
      parts: Object.fromEntries(parts.map((part) => [part, byPart[part].result()])) as Record<Part, PartStats>,
      droppedValues: dropped,
      abstainedShare: asked === 0 ? undefined : abstained / asked,
      modelMilliseconds: quantilesOf(modelMs),
    }),
  };
}

function addClassify(part: PartCount, { understanding, review }: Seen): void {
  const said = understanding?.classify;
  if (!said) return;
  part.results += 1;
  const tier = part.of(said.provenance);
  tier.took(said.provenance);
  tier.word({
    needsReview: said.needsReview,
    agreed: review?.label === undefined ? undefined : review.label === said.label,
  });
}

/** A tier's word is a field that it found; each tier that looked took its time, whatever it found. */
function addExtract(part: PartCount, { understanding, review }: Seen): void {
  const found = understanding?.extract;
  if (!found) return;
  part.results += 1;
  const looked = [found.provenance, found.tagger, found.llm].filter((one) => one !== undefined);
  for (const provenance of looked) part.of(provenance).took(provenance);
  for (const provenance of new Map(looked.map((one) => [one.tier, one])).values()) {
    const own = Object.entries(found.fields).filter(([, { tier }]) => tier === provenance.tier);
    if (own.length === 0) continue;
    // A person who corrects fields has seen all of them: what is not named was right.
    const agreed =
      review?.fields && own.every(([name, { value }]) => !review.fields || (review.fields[name] ?? value) === value);
    part.of(provenance).word({ needsReview: false, agreed });
  }
}

function addRespond(part: PartCount, { understanding, review }: Seen): void {
  const draft = understanding?.respond;
  if (!draft) return;
  part.results += 1;
  const tier = part.of(draft.provenance);
  tier.took(draft.provenance);
  tier.word({ needsReview: false, agreed: review?.reply === undefined ? undefined : review.reply === draft.text });
}

type PartCount = ReturnType<typeof partCount>;

function partCount() {
  const tiers = new Map<string, ReturnType<typeof tierCount>>();
  const outcomes = new Map<string, number>();
  const count = {
    results: 0,
    end(outcome: string): void {
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    },
    of(provenance: Provenance) {
      const key = JSON.stringify([provenance.tier, provenance.model, provenance.modelSha256]);
      const tier = tiers.get(key) ?? tierCount(provenance);
      tiers.set(key, tier);
      return tier;
    },
    result: (): PartStats => ({
      results: count.results,
      tiers: [...tiers.values()]
        .map((tier) => tier.result(count.results))
        .sort((a, b) => b.answered - a.answered || (a.tier < b.tier ? -1 : 1)),
      outcomes: Object.fromEntries([...outcomes].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))),
    }),
  };
  return count;
}

function tierCount({ tier, model, modelSha256 }: Provenance) {
  const [milliseconds, queueMs, firstTokenMs]: [number[], number[], number[]] = [[], [], []];
  let tokens: TierStats['tokens'];
  let [answered, needsReview, reviewed, agreed, cached] = [0, 0, 0, 0, 0];
  return {
    took(provenance: Provenance): void {
      if (provenance.cached) {
        cached += 1;
        return;
      }
      milliseconds.push(provenance.milliseconds);
      if (provenance.times) {
        queueMs.push(provenance.times.queue);
        firstTokenMs.push(provenance.times.firstToken);
      }
      if (!provenance.tokens) return;
      const { prompt, reused, answer } = provenance.tokens;
      tokens ??= { read: 0, reused: 0, written: 0 };
      tokens.read += prompt - reused;
      tokens.reused += reused;
      tokens.written += answer;
    },
    /** `agreed`: undefined where no person has looked. */
    word(word: { needsReview: boolean; agreed: boolean | undefined }): void {
      answered += 1;
      if (word.needsReview) needsReview += 1;
      if (word.agreed !== undefined) reviewed += 1;
      if (word.agreed) agreed += 1;
    },
    result: (results: number): TierStats => ({
      tier,
      model,
      modelSha256,
      answered,
      share: answered / results,
      needsReview,
      reviewed,
      agreed,
      milliseconds: quantilesOf(milliseconds),
      queueMs: quantilesOf(queueMs),
      firstTokenMs: quantilesOf(firstTokenMs),
      tokens,
      cached,
    }),
  };
}
