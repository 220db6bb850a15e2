import type { ChatTemplate } from '#domain/model.ts';
import type { AnswerSchema, Prompt, Usage } from '#ports/text-model.ts';

/** What the process of the model is started with. */
export type StartData = {
  file: string;
  template: ChatTemplate;
  /** Tokens one call may take, prompt and answer. */
  contextTokens: number;
  memoryBytes: number;
  /** As measured before; undefined: measure now. */
  tuning: Tuning | undefined;
  /** Threads that may be tried: never all cores, since a model that shares each core with others falls to a tenth of its speed. */
  mostThreads: number;
};

/** How a model runs best on a machine. */
export type Tuning = {
  threads: number;
  /** Calls side by side. */
  places: number;
  /** Tokens read in one go. */
  batchTokens: number;
  /** Tokens a second: read by one call, written by one call, written by all places together. */
  readRate: number;
  writeRate: number;
  writeRateTogether: number;
};

export type ReadyData = { tuning: Tuning; measured: boolean; contextTokens: number; loadMs: number };

export type CallData =
  | ({ kind: 'score'; options: readonly string[] } & Prompt)
  | ({
      kind: 'write';
      schema?: AnswerSchema;
      maxTokens: number;
      temperature: number;
      seed: number;
    } & Prompt);

export type CallUsage = Pick<Usage, 'promptTokens' | 'reusedTokens' | 'answerTokens' | 'firstTokenMs'>;

export type AnswerData =
  | { kind: 'score'; probabilities: number[]; usage: CallUsage }
  | { kind: 'write'; text: string; ended: 'stop' | 'length'; usage: CallUsage };

export type ProgressData = { tokens: number };
