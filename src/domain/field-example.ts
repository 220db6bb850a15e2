import { createHash } from 'node:crypto';
import { canonicalJson } from './canonical-json.ts';

/** A place in a text that belongs to a field. Offsets are UTF-16 code units into the text. */
export type FieldMark = { name: string; start: number; end: number };

/**
 * A text whose fields somebody has marked; a field that is not named is not in the text. `hints`: what the rules found in it, right or wrong, by the
 * name of the field they found it for.
 */
export type FieldExample = { text: string; fields: FieldMark[]; hints?: FieldMark[] };

export type FieldLesson = {
  examples: FieldExample[];
  /** Changes whenever one example, mark, hint or field more, less or different would change the tagger. */
  sha256: string;
};

/**
 * Gathers what a tagger learns from: the newest word on each text, where its text first stood. Marks of fields that the form does not have any more are
 * left out. Holds every text once: not for a thread that serves.
 */
export function createFieldLesson(fields: readonly string[]) {
  const byText = new Map<string, FieldExample>();
  const known = new Set(fields);
  return {
    add(items: readonly FieldExample[]): void {
      for (const item of items) byText.set(item.text, item);
    },
    finish(): FieldLesson {
      const hash = createHash('sha256').update(canonicalJson([...fields]));
      const examples = [...byText.values()].map((example) => ({
        ...example,
        fields: example.fields.filter(({ name }) => known.has(name)),
      }));
      for (const example of examples) hash.update(`\n${canonicalJson(example)}`);
      return { examples, sha256: hash.digest('hex') };
    },
  };
}
