import { beyond, split } from './least-group.ts';
import type { CommonQuery } from './query.ts';

export const labels: CommonQuery = {
  name: 'labels',
  about: 'Responses by the label that counts, with who gave it and how sure the machine was.',
  params: [],
  columns: {
    label: 'null: no label counts yet, or none of them',
    source: 'review, or the tier of the machine; null where no label counts yet',
    count: 'Responses',
    share: 'Of all responses of the range; with a least group, of those that are shown',
    mean_confidence: 'Of the machine, 0 to 1',
  },
  counted: 'count',
  parts: { mean_confidence: ['sure'] },
  build: (_table, _params, leastGroup) => {
    const guarded = leastGroup > 1;
    return {
      sql: `SELECT label, label_source AS source, count(*) AS count, count(*) / sum(count(*)) ${guarded ? 'FILTER (WHERE count(*) >= $least) ' : ''}OVER () AS share,
          avg(confidence) AS mean_confidence${guarded ? ', count(confidence) AS sure' : ''}
        FROM responses GROUP BY label, source ORDER BY count DESC, label, source`,
      params: { ...(guarded && { least: leastGroup }) },
    };
  },
};

export const confidence: CommonQuery = {
  name: 'confidence',
  about: 'How sure the machine was, in ten steps, by the tier that labelled.',
  params: [],
  columns: {
    tier: 'head, embedding, llm …',
    from: 'Lower end of the step',
    count: 'Responses',
    needs_review: 'Of them left to a person',
  },
  counted: 'count',
  parts: { needs_review: split('needs_review', 'count') },
  build: () => ({
    sql: `SELECT machine_tier AS tier, least(floor(confidence * 10), 9) / 10 AS "from", count(*) AS count, count(*) FILTER (WHERE needs_review) AS needs_review
      FROM responses WHERE confidence IS NOT NULL GROUP BY tier, "from" ORDER BY tier, "from"`,
    params: {},
  }),
};

export const agreement: CommonQuery = {
  name: 'agreement',
  about: 'How often people who reviewed a label agreed with the machine, by week of submission, tier and model.',
  params: [],
  columns: {
    week: 'ISO week',
    tier: 'The tier that labelled',
    model: 'Its name and version',
    count: 'Responses that a person labelled',
    agreed: 'Share in which the person kept the label of the machine',
  },
  counted: 'count',
  parts: { agreed: split('round(agreed * count)', 'count') },
  build: () => ({
    sql: `SELECT strftime(day, '%G-W%V') AS week, machine_tier AS tier, machine_model AS model, count(*) AS count,
        avg(CASE WHEN label IS NOT DISTINCT FROM machine_label THEN 1 ELSE 0 END) AS agreed
      FROM responses WHERE label_source = 'review' AND machine_tier IS NOT NULL GROUP BY week, tier, model ORDER BY week, tier, model`,
    params: {},
  }),
};

export const reviews: CommonQuery = {
  name: 'reviews',
  about: 'How long people took to review what came, by week of submission: half of the reviews within the median.',
  params: [],
  columns: {
    week: 'ISO week',
    count: 'Responses',
    reviewed: 'Of them reviewed',
    median_hours: 'From submission to the last review',
    p90_hours: 'Nine of ten within',
  },
  counted: 'count',
  parts: {
    reviewed: split('reviewed', 'count'),
    median_hours: beyond('reviewed', 0.5),
    p90_hours: beyond('reviewed', 0.1),
  },
  build: () => ({
    sql: `WITH timed AS (SELECT strftime(day, '%G-W%V') AS week, epoch(reviewed_at - submitted_at) / 3600 AS hours FROM responses)
      SELECT week, count(*) AS count, count(hours) AS reviewed, median(hours) AS median_hours, quantile_cont(hours, 0.9) AS p90_hours
      FROM timed GROUP BY week ORDER BY week`,
    params: {},
  }),
};
