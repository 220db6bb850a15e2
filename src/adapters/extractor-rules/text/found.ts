import type { Span } from './folded-text.ts';

/** A value found at a place of the original text. */
export type Found = Span & {
  /** Normalised as the port says. */
  value: string;
  /** For a date without a year, a day of the month or a weekday: the same words read backwards in time. */
  past?: string;
  /** The second half of a range such as "3 to 5 May"; it shares the span of the first. */
  rangeEnd?: boolean;
  /** Half said: an hour with nothing but "at" before it, a count of some of the guests. Used only when the text holds no plainer one. */
  weak?: boolean;
};

/** Which parts of the text are already spoken for, so that the digits of a phone number are not also a quantity. */
export type Claims = {
  isFree(span: Span): boolean;
  take(span: Span): void;
  /** The original with everything taken blanked out by `_`, offsets unchanged. */
  blanked(): string;
};

export function createClaims(original: string): Claims {
  const taken = new Uint8Array(original.length);
  return {
    isFree: ({ start, end }) => {
      for (let index = start; index < end; index += 1) if (taken[index] === 1) return false;
      return true;
    },
    take: ({ start, end }) => {
      taken.fill(1, start, end);
    },
    blanked: () => {
      let blanked = '';
      let from = 0;
      for (let at = taken.indexOf(1); at !== -1; at = taken.indexOf(1, from)) {
        const next = taken.indexOf(0, at);
        const end = next === -1 ? original.length : next;
        blanked += original.slice(from, at) + '_'.repeat(end - at);
        from = end;
        if (next === -1) break;
      }
      return blanked + original.slice(from);
    },
  };
}

/** Keeps what does not overlap what is kept already, and claims it. */
export function claimAll<T extends Span>(candidates: T[], claims: Claims): T[] {
  const kept = candidates.filter((candidate) => {
    if (candidate.end <= candidate.start || !claims.isFree(candidate)) return false;
    claims.take(candidate);
    return true;
  });
  return kept.sort((a, b) => a.start - b.start);
}
