/** Why an analyst's SQL is not run, and how to mend it; to be shown to who wrote it. */
export class Refusal extends Error {}

export function refuse(reason: string): never {
  throw new Refusal(reason);
}
