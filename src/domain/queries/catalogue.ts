import { choices, form, histogram, numbers, respondents } from './answers.ts';
import { overTime, trend } from './over-time.ts';
import type { CommonQuery } from './query.ts';
import { search } from './search.ts';
import { timeToAnswer } from './time-to-answer.ts';
import { agreement, confidence, labels, reviews } from './understood.ts';

/** The common queries, in the order in which they are listed. */
export const commonQueries: readonly CommonQuery[] = [
  overTime,
  trend,
  labels,
  confidence,
  agreement,
  reviews,
  timeToAnswer,
  choices,
  numbers,
  histogram,
  respondents,
  form,
  search,
];

export const queryByName: ReadonlyMap<string, CommonQuery> = new Map(commonQueries.map((query) => [query.name, query]));
