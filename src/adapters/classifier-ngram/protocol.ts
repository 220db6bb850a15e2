import type { TrainReply as ThreadReply } from '#adapters/learning-threads/train-thread.ts';
import type { Classification, ExamplePage, Learnt, TextEmbeddings, Training } from '#ports/text-classifier.ts';

/** What a worker is started for: to classify until it is stopped, or to train one head and end. */
export type WorkerPurpose = { kind: 'classify' } | ({ kind: 'train' } & Assignment);

/** What a training thread is told before its examples, which it asks for a page at a time. */
export type Assignment = { labels: string[]; allowNone: boolean; seen?: Learnt | undefined };

/** `bytes` come along when the worker said that it lacks the head. */
export type ClassifyRequest = {
  id: number;
  sha256: string;
  texts: string[];
  embeddings?: TextEmbeddings | undefined;
  bytes?: Uint8Array;
};

export type ClassifyReply =
  | { id: number; kind: 'classified'; results: Classification[] }
  | { id: number; kind: 'head-missing' }
  | { id: number; kind: 'failed'; message: string };

/** Undefined: there are no more. */
export type NextPage = ExamplePage | undefined;

export type TrainReply = ThreadReply<Training>;
