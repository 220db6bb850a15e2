/**
 * Whether what was read, written or done at `at` is younger than `ms`. The clock may have been set back since: what lies ahead of `now` counts as old as what lies as
 * far behind, else a second would last as long as the step.
 */
export const isYounger = (at: number, now: number, ms: number): boolean => Math.abs(now - at) < ms;
