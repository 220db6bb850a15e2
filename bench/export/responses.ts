import type { World } from '../../test/support/export-world.ts';
import { pick, text } from './texts.ts';

export const definition = {
  elements: [
    { type: 'comment', name: 'message' },
    { type: 'text', name: 'name' },
    { type: 'text', name: 'email', inputType: 'email' },
    { type: 'text', name: 'order', inputType: 'number' },
    { type: 'text', name: 'date', inputType: 'date' },
    { type: 'rating', name: 'stars' },
    { type: 'checkbox', name: 'topics', choices: ['billing', 'delivery', 'other'] },
  ],
};

const names = ['Ada', 'Grace', 'Edsger', 'Barbara', 'Donald', 'Margaret', 'Ken', 'Hedwig', 'Siobhan', 'Pilar'];
const topics = [['billing'], ['delivery', 'other'], [], ['billing', 'delivery', 'other']];
const labels = ['billing', 'technical', 'praise', 'complaint', null];

/** Kept and understood: a text, and answers of each kind. */
export async function makeResponses(world: World, formId: string, day: string, count: number): Promise<void> {
  const begin = Date.parse(`${day}T00:00:00Z`);
  for (let done = 0; done < count; done += 1000) {
    const some = Math.min(1000, count - done);
    await Promise.all(
      Array.from({ length: some }, (_, i) => {
        const n = done + i;
        const label = labels[pick(5)]!;
        const classify = {
          label,
          confidence: 0.5 + pick(500) / 1000,
          tier: 'head' as const,
          needsReview: false,
          alternatives: [],
          provenance: { tier: 'head' as const, model: 'ngram-head/1', inputSha256: '', milliseconds: 1, at: begin },
        };
        const name = `${names[pick(10)]} ${names[pick(10)]}son`;
        return world.respond(
          formId,
          {
            message: text(),
            name,
            email: `person${n}@example.org`,
            order: 100_000 + pick(900_000),
            date: `2026-0${1 + pick(9)}-${10 + pick(18)}`,
            stars: 1 + pick(5),
            topics: topics[pick(4)]!,
          },
          {
            at: begin + Math.floor((n / count) * 80_000_000),
            status: 'completed',
            understanding: { language: 'en', classify },
          },
        );
      }),
    );
  }
}
