import { createHash } from 'node:crypto';
import { canonicalJson } from './canonical-json.ts';
import type { FieldSkill } from './extraction.ts';
import type { FieldMark } from './field-example.ts';

/**
 * A text that somebody has said something about. A form's head learns from `label` (null says "none of them", without one nothing is said), its tagger from
 * `fields`: all that are in the text, without them nothing is said.
 */
export type Example = { text: string; label?: string | null; fields?: FieldMark[] };

/** Examples as they came in, a piece of an upload or one review; a later text overrules the same text in an earlier one. */
export type ExampleBatch = { id: string; formId: string; source: 'upload' | 'review'; at: number; items: Example[] };

/** The head that a form answers with now. */
export type FormHead = {
  /** The form's id: there is one at a time. */
  id: string;
  sha256: string;
  /** Name of its bytes in the blob store. */
  file: string;
  labels: string[];
  examples: number;
  accuracy: number | undefined;
  calibrationError: number | undefined;
  threshold: number;
  milliseconds: number;
  /** Examples that this head has seen: changes whenever one more would change it. */
  examplesSha256: string;
  /** Of the model whose embeddings it has learnt from too. */
  embeddingSha256?: string;
  trainedAt: number;
};

/** The tagger that finds a form's fields now. */
export type FormTagger = {
  /** The form's id: there is one at a time. */
  id: string;
  sha256: string;
  /** Name of its bytes in the blob store. */
  file: string;
  /** Those that enough examples have; others are left to the rules. */
  fields: string[];
  examples: number;
  byField: Record<string, FieldSkill> | undefined;
  milliseconds: number;
  /** Examples that this tagger has seen: changes whenever one more would change it. */
  examplesSha256: string;
  trainedAt: number;
};

/** A document is parsed in one go by whoever reads it: this much takes a few milliseconds. */
const batchExamples = 500;
const batchCharacters = 200_000;

/** Characters, about; a mark has its name and two numbers. */
const sizeOf = ({ text, fields = [] }: Example): number =>
  fields.reduce((sum, { name }) => sum + name.length + 40, text.length);

/** An upload in pieces that are kept as a document each, in order. At least one, and none is empty but of an empty upload. */
export function inBatches(items: readonly Example[]): Example[][] {
  const batches: Example[][] = [[]];
  let characters = 0;
  for (const item of items) {
    const size = sizeOf(item);
    const full = batches.at(-1)!.length >= batchExamples || characters + size > batchCharacters;
    if (full && batches.at(-1)!.length > 0) {
      batches.push([]);
      characters = 0;
    }
    batches.at(-1)!.push(item);
    characters += size;
  }
  return batches;
}

export type Lesson = {
  examples: { text: string; label: string }[];
  none: string[];
  /** Different labels among the examples. */
  labels: number;
  /** Changes whenever one example more, less or different would change the head. */
  sha256: string;
};

/**
 * Gathers what a head learns from: the newest word on each text, where its text first stood. A text whose newest label is not among `labels` any more is
 * left out. Holds every text once: not for a thread that serves.
 */
export function createLesson({ labels, allowNone }: { labels: readonly string[]; allowNone: boolean }) {
  const byText = new Map<string, string | null>();
  return {
    add(items: readonly Example[]): void {
      for (const { text, label } of items) if (label !== undefined) byText.set(text, label);
    },
    finish(): Lesson {
      const known = new Set<string | null>([...labels, null]);
      const used = new Set<string>();
      const lesson: Lesson = { examples: [], none: [], labels: 0, sha256: '' };
      // The hash of canonicalJson([allowNone, examples]), without that text in memory.
      const hash = createHash('sha256').update(`[${allowNone},[`);
      let first = true;
      for (const [text, label] of byText) {
        if (!known.has(label)) continue;
        hash.update(`${first ? '' : ','}${canonicalJson({ text, label })}`);
        first = false;
        if (label === null) lesson.none.push(text);
        else {
          lesson.examples.push({ text, label });
          used.add(label);
        }
      }
      return { ...lesson, labels: used.size, sha256: hash.update(']]').digest('hex') };
    },
  };
}
