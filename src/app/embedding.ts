import { labelText } from '#domain/label-text.ts';
import type { Example } from '#domain/learning.ts';
import { ModelError } from '#domain/model-error.ts';
import type { Provenance } from '#domain/response.ts';
import { dequantise, type Quantised, quantise } from '#domain/similarity.ts';
import { decodeVectors, encodeVectors, vectorKey } from '#domain/vector-file.ts';
import { type DescribedLabel, type Verdict, withUntrained, zeroShot } from '#domain/zero-shot.ts';
import type { BlobStore } from '#ports/blob-store.ts';
import type { Embedder, EmbeddingModel } from '#ports/embedder.ts';
import type { Log } from '#ports/log.ts';
import type { ExamplePage, TextEmbeddings } from '#ports/text-classifier.ts';

type Deps = {
  embedder: Pick<Embedder, 'model' | 'embed'>;
  blobs: Pick<BlobStore, 'read' | 'write' | 'remove' | 'list'>;
  log?: Pick<Log, 'warn'>;
};

const area = 'embeddings';

/** A text, embedded by this model. */
export type EmbeddedText = { model: EmbeddingModel; vector: Float32Array };

/** A lesson's pages with embeddings, and what is to be done when all have been taken in. */
export type EmbeddedLesson = { pages: AsyncIterable<ExamplePage>; keep: () => Promise<void> };

/**
 * Embeddings for learning and classifying. Everything goes on without them: where there is no model, or it gives no answer, a lesson is learnt and a text classified
 * from words alone.
 *
 * Vectors of a form's examples are kept in a file for each model, since computing them again takes 2.5 s for 1,000 texts (bench/embed.ts).
 */
export function createEmbedding({ embedder, blobs, log }: Deps) {
  /** None where the model fails; the reason of `signal` when it aborts. */
  async function embed(texts: readonly string[], signal?: AbortSignal) {
    try {
      return await embedder.embed(texts, signal && { signal });
    } catch (err) {
      signal?.throwIfAborted();
      if (!(err instanceof ModelError)) throw err;
      return undefined;
    }
  }

  async function modelNow(): Promise<EmbeddingModel | undefined> {
    try {
      return await embedder.model();
    } catch (err) {
      if (!(err instanceof ModelError)) throw err;
      return undefined;
    }
  }

  /** None where no model is in use, or it gives no answer. */
  async function ofText(text: string): Promise<EmbeddedText | undefined> {
    if (!(await modelNow())) return undefined;
    const answer = await embed([text]);
    // Rounded as the examples are that the head has learnt from.
    return answer && { model: answer.model, vector: dequantise(quantise(answer.embeddings[0]!)) };
  }

  /** What a form's labels mean, by the model that embedded the text they are compared with; mostly from the embedder's memory. */
  async function ofLabels(
    labels: readonly { name: string; description?: string }[],
    { model }: EmbeddedText,
  ): Promise<DescribedLabel[] | undefined> {
    const answer = await embed(labels.map(labelText));
    // Another model may have taken over since: its vectors cannot be compared with the text's.
    if (answer?.model.sha256 !== model.sha256) return undefined;
    return labels.map(({ name }, i) => ({ name, vector: answer.embeddings[i]! }));
  }

  /** Texts as a classifier takes them, in one call. Undefined where there is no model or it fails; the reason of `signal` when it aborts. */
  async function ofTexts(texts: readonly string[], signal: AbortSignal): Promise<TextEmbeddings | undefined> {
    const answer = (await modelNow()) && (await embed(texts, signal));
    if (!answer) return undefined;
    return {
      modelSha256: answer.model.sha256,
      vectors: answer.embeddings.map((vector) => dequantise(quantise(vector))),
    };
  }

  /** Adds embeddings to the pages of a form's examples. Once the model fails, the rest of the pages come without, and the lesson is learnt without. */
  async function lesson(formId: string, pages: AsyncIterable<Example[]>, signal: AbortSignal): Promise<EmbeddedLesson> {
    const model = await modelNow();
    const known = model ? await readVectors(fileOf(formId, model)) : new Map<string, Quantised>();
    const own = new Set<string>();
    let failed = model === undefined;

    async function embedPage(texts: string[]): Promise<TextEmbeddings | undefined> {
      const missing = [...new Set(texts)].filter((text) => !known.has(vectorKey(text)));
      const answer = missing.length > 0 ? await embed(missing, signal) : undefined;
      // Another model has taken over meanwhile: the next training learns from its vectors.
      failed = missing.length > 0 && answer?.model.sha256 !== model?.sha256;
      if (failed) {
        log?.warn({ formId }, 'no embeddings for a lesson, learning without');
        return undefined;
      }
      for (const [i, text] of missing.entries()) known.set(vectorKey(text), quantise(answer!.embeddings[i]!));
      return { modelSha256: model!.sha256, vectors: texts.map((text) => dequantise(known.get(vectorKey(text))!)) };
    }

    async function* withEmbeddings(): AsyncGenerator<ExamplePage> {
      for await (const page of pages) {
        // An example without a label teaches the tagger, not the head.
        const examples = page.filter(({ label }) => label !== undefined);
        const texts = examples.map(({ text }) => text);
        for (const text of texts) own.add(vectorKey(text));
        const embeddings = failed ? undefined : await embedPage(texts);
        yield { examples, ...(embeddings && { embeddings }) };
      }
    }

    return {
      pages: withEmbeddings(),
      async keep() {
        if (model) await rewrite(fileOf(formId, model), known, own);
        await forget(formId, own, model);
      },
    };
  }

  /** Leaves nothing of texts that are no examples of the form any more, whichever model embedded them. */
  async function forget(formId: string, own: ReadonlySet<string>, model: EmbeddingModel | undefined): Promise<void> {
    for (const { name: file } of await blobs.list(area)) {
      if (!file.startsWith(`${area}/${formId}-`) || (model && file === fileOf(formId, model))) continue;
      // The file of a model that another one has taken over from is of no use; while there is none, it may come back.
      if (model) await blobs.remove(file);
      else await rewrite(file, await readVectors(file), own);
    }
  }

  async function rewrite(file: string, known: ReadonlyMap<string, Quantised>, own: ReadonlySet<string>): Promise<void> {
    const kept = new Map([...own].flatMap((key) => (known.has(key) ? [[key, known.get(key)!]] : [])));
    const [first] = kept.values();
    if (first) await blobs.write(file, encodeVectors(kept, first.values.length));
    else await blobs.remove(file);
  }

  async function readVectors(file: string): Promise<Map<string, Quantised>> {
    const bytes = await blobs.read(file);
    return bytes ? decodeVectors(bytes).vectors : new Map();
  }

  return { ofText, ofTexts, ofLabels, lesson, model: modelNow };
}
export type Embedding = ReturnType<typeof createEmbedding>;

const fileOf = (formId: string, { sha256 }: EmbeddingModel): string => `${area}/${formId}-${sha256.slice(0, 16)}.vec`;

/** A text's embedding as a classifier takes it. */
export const forClassifier = ({ model, vector }: EmbeddedText): TextEmbeddings => ({
  modelSha256: model.sha256,
  vectors: [vector],
});

/** What the head said, if there is one, beside what the descriptions say of the labels it does not know. */
export function withDescriptions(
  said: Verdict | undefined,
  { vector }: EmbeddedText,
  labels: DescribedLabel[],
  trained: ReadonlySet<string>,
): Verdict | undefined {
  return said ? withUntrained(said, vector, labels, trained) : zeroShot(vector, labels);
}

/** What names the model in the provenance of a result that took its vectors in. */
export const embeddedBy = ({ model }: EmbeddedText): Pick<Provenance, 'embeddingModel' | 'embeddingSha256'> => ({
  embeddingModel: model.name,
  embeddingSha256: model.sha256,
});

/** A lesson where nothing makes embeddings. */
export async function* plainPages(pages: AsyncIterable<Example[]>): AsyncGenerator<ExamplePage> {
  for await (const examples of pages) yield { examples };
}
