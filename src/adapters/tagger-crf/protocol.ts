import type { TrainReply as ThreadReply } from '#adapters/learning-threads/train-thread.ts';
import type { FieldExample, FieldMark } from '#domain/field-example.ts';
import type { TaggedField, TaggerTraining } from '#ports/sequence-tagger.ts';

/** What a training knows before the first example; the examples are asked for, a page at a time. */
export type Assignment = { fields: string[]; seen: string | undefined };

export type WorkerPurpose = { kind: 'tag' } | ({ kind: 'train' } & Assignment);

/** Undefined: there are no more. */
export type ExamplePage = FieldExample[] | undefined;

export type TrainReply = ThreadReply<TaggerTraining>;

export type TagRequest = {
  id: number;
  sha256: string;
  texts: readonly string[];
  hints: readonly (readonly FieldMark[])[];
  /** Sent when the thread said that it does not have the tagger. */
  bytes?: Uint8Array;
};

export type TagReply =
  | { id: number; kind: 'tagged'; results: TaggedField[][] }
  | { id: number; kind: 'tagger-missing' }
  | { id: number; kind: 'failed'; message: string };
