import type { Example } from '#domain/learning.ts';
import type { Classification, Training } from '#ports/text-classifier.ts';

/** What a worker is started for: to classify until it is stopped, or to train one head and end. */
export type WorkerPurpose = { kind: 'classify' } | ({ kind: 'train' } & Assignment);

/** What a training thread is told before its examples, which it asks for a page at a time. */
export type Assignment = { labels: string[]; allowNone: boolean; seen?: string };

/** `bytes` come along when the worker said that it lacks the head. */
export type ClassifyRequest = { id: number; sha256: string; texts: string[]; bytes?: Uint8Array };

export type ClassifyReply =
  | { id: number; kind: 'classified'; results: Classification[] }
  | { id: number; kind: 'head-missing' }
  | { id: number; kind: 'failed'; message: string };

/** Undefined: there are no more. */
export type ExamplePage = Example[] | undefined;

export type TrainReply = { kind: 'more' } | { kind: 'done'; training: Training } | { kind: 'failed'; message: string };
