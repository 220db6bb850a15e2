import type { Classification, HeadReport } from '#ports/text-classifier.ts';
import type { TrainingInput } from './train-head.ts';

/** What a worker is started for: to classify until it is stopped, or to train one head and end. */
export type WorkerPurpose = { kind: 'classify' } | { kind: 'train'; input: TrainingInput };

/** `bytes` come along when the worker said that it lacks the head. */
export type ClassifyRequest = { id: number; sha256: string; texts: string[]; bytes?: Uint8Array };

export type ClassifyReply =
  | { id: number; kind: 'classified'; results: Classification[] }
  | { id: number; kind: 'head-missing' }
  | { id: number; kind: 'failed'; message: string };

export type TrainReply =
  | { kind: 'trained'; bytes: Uint8Array; sha256: string; labels: string[]; report: HeadReport }
  | { kind: 'failed'; message: string };
