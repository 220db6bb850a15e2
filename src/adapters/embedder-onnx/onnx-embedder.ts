import { availableParallelism } from 'node:os';
import { createReplacedChild } from '#adapters/child-process/replaced-child.ts';
import { startWatchedChild } from '#adapters/child-process/watched-child.ts';
import { ModelError } from '#domain/model-error.ts';
import type { Embedder, Embedding, EmbeddingModel } from '#ports/embedder.ts';
import type { Log } from '#ports/log.ts';
import type { InstalledModel } from '#ports/model-store.ts';
import { createEmbeddingCache } from './embedding-cache.ts';
import type { AnswerData, CallData, ReadyData, StartData } from './protocol.ts';

type Deps = {
  /** The model in use, `ModelStore.active('embedding')`: its files `model` (ONNX) and `tokenizer` (tokenizer.json). */
  active: () => Promise<InstalledModel | undefined>;
  memoryBytes: number;
  /** Milliseconds without a call after which the process ends. */
  idleMs?: number;
  log?: Pick<Log, 'info' | 'warn'>;
  /** Processors that this process may use. */
  cores?: number;
};

const entry = new URL('./embed-child.ts', import.meta.url);
/** ONNX Runtime 1.30 reports its use to its makers, and makes a number for this machine, unless it is told not to before it is loaded. */
const quiet = { ORT_DISABLE_TELEMETRY: '1' };
// What MiniLM was trained to read; a longer text is cut.
const mostTokens = 256;
// 1 thread: 3.2 ms a text one by one, 2.5 with 256 or 512 tokens together, 3.5 with 2,048, which also take 120 MB more (bench/embed.ts).
const batchTokens = 512;
/** Texts that travel together: another call waits for no more than a batch of them, and an answer is 100 kB. */
const textsAtOnce = 64;
// 23 MB load in 0.3 s; a slow disk and a large model take longer.
const startMs = 60_000;
// 64 texts of 256 tokens take 3 s on one core; another call's may be computed in between.
const callMs = 60_000;
/** 6 MB of 384 dimensions: the labels of forms, and texts that are read again. */
const cachedEmbeddings = 4_096;

/**
 * Embedder that runs an ONNX sentence model (mean of the token vectors, unit length) in a child process of its own: loaded at the first call, ended after
 * `idleMs` without one, replaced when another model is in use. Equal texts are computed once.
 */
export function createOnnxEmbedder(deps: Deps): Embedder {
  const cores = deps.cores ?? availableParallelism();
  const cache = createEmbeddingCache(cachedEmbeddings);
  const models = new Map<string, InstalledModel>();

  const child = createReplacedChild<ReadyData, CallData, AnswerData>({
    start: (key, signal) => start(models.get(key)!, signal),
    idleMs: deps.idleMs ?? 300_000,
    onEnd: ({ cause, detail }) => deps.log?.warn({ cause, detail }, 'embedding model process ended'),
  });

  async function start(installed: InstalledModel, signal: AbortSignal) {
    const { name, dimensions } = installed.entry;
    const { model, tokenizer } = installed.files;
    if (!model || !tokenizer || !dimensions)
      throw new ModelError(
        'model-unavailable',
        `The model ${name} lacks its file model or tokenizer, or its dimensions.`,
      );
    // One core stays for those who wait for the API; more than four gain little with batches this small.
    const threads = Math.min(4, Math.max(1, cores - 1));
    const data: StartData = { model, tokenizer, dimensions, mostTokens, threads, batchTokens };
    const settings = { entry, start: data, memoryBytes: deps.memoryBytes, env: quiet, startMs, signal };
    const life = await startWatchedChild<ReadyData, CallData, AnswerData>(settings);
    deps.log?.info({ model: name, loadMs: life.ready.loadMs, threads }, 'embedding model ready');
    return life;
  }

  async function find(): Promise<InstalledModel | undefined> {
    const found = await deps.active();
    if (!found) return undefined;
    models.clear();
    models.set(keyOf(found), found);
    return found;
  }

  /** Embeddings of texts that are not in memory, into the memory and `into`. Errors: `ModelError`, the reason of `signal`. */
  async function compute(key: string, texts: readonly string[], into: Map<string, Embedding>, signal?: AbortSignal) {
    for (let from = 0; from < texts.length; from += textsAtOnce) {
      const some = texts.slice(from, from + textsAtOnce);
      const { vectors } = await child.call(key, { texts: some }, { timeMs: callMs, ...(signal && { signal }) });
      const dimensions = vectors.length / some.length;
      for (const [i, text] of some.entries()) {
        const vector = vectors.slice(i * dimensions, (i + 1) * dimensions);
        into.set(text, vector);
        cache.add(key, text, vector);
      }
    }
  }

  return {
    async model() {
      const found = await find();
      return found && infoOf(found);
    },

    async embed(texts, { signal } = {}) {
      signal?.throwIfAborted();
      const found = await find();
      if (!found) throw new ModelError('model-unavailable', 'No embedding model is in use.');
      const key = keyOf(found);
      const known = new Map<string, Embedding>();
      for (const text of texts) {
        const vector = cache.find(key, text);
        if (vector) known.set(text, vector);
      }
      const missing = [...new Set(texts)].filter((text) => !known.has(text));
      // Neighbours in length are computed together; the child sorts by tokens within what it is given.
      missing.sort((a, b) => a.length - b.length);
      await compute(key, missing, known, signal).catch((err: unknown) => {
        // To whoever asks for an embedding a model that is too slow is none.
        throw err instanceof ModelError ? new ModelError('model-unavailable', err.message, { cause: err }) : err;
      });
      return { model: infoOf(found), embeddings: texts.map((text) => known.get(text)!) };
    },

    close: () => child.close(),
  };
}

const keyOf = ({ entry: { files } }: InstalledModel): string =>
  files.find(({ role }) => role === 'model')?.sha256 ?? 'unknown';

const infoOf = (installed: InstalledModel): EmbeddingModel => ({
  name: `${installed.entry.name}/${installed.entry.version}`,
  sha256: keyOf(installed),
  dimensions: installed.entry.dimensions ?? 0,
});
