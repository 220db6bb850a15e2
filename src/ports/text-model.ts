/**
 * Text model: a language model that runs on this machine. It is given what a task wants (`instructions`) and what a stranger wrote (`data`), and answers
 * with one of some options or with a text. It has no tools, and each call is a context of its own.
 *
 * Terminology
 * - **token**: the piece of text that a model reads or writes at a time.
 * - **grammar**: what the answer must look like; a token that does not fit is never chosen.
 */
export type Prompt = {
  /** What is wanted: the same for many responses, so that the model reads it once. Trusted: written by Formstead and the form's author. */
  instructions: string;
  /** What a stranger wrote. Never read as control tokens of the model, whatever it spells. */
  data: string;
  /** Begins the answer for the model, such as `Label:`. Trusted. */
  lead?: string;
};

export type TextModelInfo = {
  name: string;
  /** Of the model file, hex. */
  sha256: string;
};

export type Usage = {
  /** Tokens of the prompt, and those among them that had been read before and were not read again. */
  promptTokens: number;
  reusedTokens: number;
  answerTokens: number;
  /** Waiting for a free place, until the first token of the answer, and all together. */
  queueMs: number;
  firstTokenMs: number;
  totalMs: number;
};

export type Budget = {
  /** Of the model's own time, from when the call has a place among those that run side by side. */
  timeMs: number;
  /** How long it may wait for that place; as long as `timeMs` when absent. */
  waitMs?: number;
  signal?: AbortSignal;
  /** Told of each token of the answer, with the most there can be. */
  progress?: (tokens: number, most: number) => void;
};

/** The shapes that an answer can be made to have. Every property is present; `null` says that there is nothing. */
export type AnswerSchema = {
  type: 'object';
  properties: Record<
    string,
    | { type: 'string-or-null'; maxLength: number }
    | { type: 'one-of'; values: readonly string[] }
    /** What stands in `text`, letter for letter: at most `most` pieces (words, signs) in a row that begin with a word; or null. */
    | { type: 'words-of'; text: string; most: number }
  >;
};

export type TextAnswer = {
  model: TextModelInfo;
  text: string;
  /** `length`: the tokens ran out before the answer ended. */
  ended: 'stop' | 'length';
  usage: Usage;
};

export type Scores = {
  model: TextModelInfo;
  /** Of each option that it is the answer, in the order given; they add up to 1. From the first token that tells the options apart. */
  probabilities: number[];
  usage: Usage;
};

/**
 * Errors of both calls, as `ModelError`: `model-unavailable` (none is set, its process cannot be started, died, or hangs), `model-busy` (as many calls wait as may, or no place was free in time),
 * `model-too-slow` (the time is spent; whatever was begun is stopped), `prompt-too-long`, and the reason of `signal` when it aborts.
 */
export interface TextModel {
  /** The model in use now, whether its process runs or not; undefined where there is none. Errors: `model-unavailable` where its file cannot be used. */
  model(): Promise<TextModelInfo | undefined>;
  /** How likely each of 2…26 options is to be the answer. Decodes one token. */
  score(prompt: Prompt & { options: readonly string[] }, budget: Budget): Promise<Scores>;
  /** Writes at most `maxTokens` tokens; with a schema the text is JSON of that shape unless it ended by `length`. Same seed, same answer. */
  write(
    prompt: Prompt & { schema?: AnswerSchema; maxTokens: number; temperature?: number; seed?: number },
    budget: Budget,
  ): Promise<TextAnswer>;
  /** Of the process that runs the model. */
  state(): TextModelState;
  /** Starts the process, unless it runs. Resolves when it is warm. Errors: `model-unavailable`. */
  warm(): Promise<void>;
  close(): Promise<void>;
}

export type TextModelState = {
  status: 'none' | 'stopped' | 'starting' | 'ready' | 'failed';
  model: TextModelInfo | undefined;
  /** Of the process, bytes. */
  memoryBytes: number;
  running: number;
  waiting: number;
  /** Calls that run side by side at most: fewer than there is room for while they take long. */
  places: number;
  threads: number;
  /** Tokens a second as measured when the process first ran here: read and written by one call, written by all places together. Absent until it is ready. */
  rates?: { read: number; write: number; writeTogether: number };
  /** Times the process was started again since this one started, by cause. */
  restarts: Record<string, number>;
  problem?: string;
};
