import { AppError } from '#domain/errors.ts';
import { type Cascade, type FoundField, joinFields, placesToRead } from '#domain/extraction.ts';
import type { FieldSpec } from '#domain/intelligence.ts';
import type { FormTagger } from '#domain/learning.ts';
import type { ExtractResult, KeptResponse, Provenance, Tier } from '#domain/response.ts';
import type { BlobStore } from '#ports/blob-store.ts';
import type { Metrics } from '#ports/metrics.ts';
import type { SequenceTagger, TaggedField } from '#ports/sequence-tagger.ts';
import type { Storage } from '#ports/storage.ts';
import type { TextReader } from '#ports/text-reader.ts';
import { trainedBytes } from './learning/trained-file.ts';

type Deps = {
  storage: Pick<Storage, 'get'>;
  tagger: Pick<SequenceTagger, 'tag'>;
  reader: Pick<TextReader, 'read'>;
  blobs: Pick<BlobStore, 'read'>;
  metrics: Pick<Metrics, 'observe' | 'count'>;
  timeZone: string;
  region: string | undefined;
};

type Text = { question: string; text: string };

type Request = {
  response: Pick<KeptResponse, 'formId' | 'submittedAt'>;
  specs: FieldSpec[];
  texts: Text[];
  byRules: ExtractResult;
  stamp: (tier: Tier, model: string, milliseconds: number) => Provenance;
};

/** `lost`: the form's tagger, whose file is missing or damaged. */
export type Tagging = { extract: ExtractResult; lost?: FormTagger | undefined };

/**
 * Adds what the form's tagger finds to what the rules found. Without a tagger, and with one that cannot be read or used, the rules' result stands: a
 * response is kept and passed on all the same.
 */
export function createFieldTagging(deps: Deps) {
  return async function tagFields(request: Request): Promise<Tagging> {
    const { response, texts, byRules, stamp } = request;
    const tagger = (await deps.storage.get('tagger', response.formId))?.doc;
    if (!tagger) return { extract: byRules };
    const from = performance.now();
    const rules = rulesByText(byRules, texts);
    const tagged = await placesOf(tagger, texts, rules);
    if (!tagged) return { extract: byRules };
    if (tagged === 'lost') return { extract: byRules, lost: tagger };
    const cascade: Cascade = { specs: request.specs, rules, tagged, skills: tagger.byField };
    const { fields, dropped } = joinFields({ ...cascade, values: await valuesOf(cascade, response.submittedAt) });
    const milliseconds = performance.now() - from;
    if (dropped > 0) count('dropped', dropped);
    deps.metrics.observe('formstead_inference_seconds', { kind: 'extract', tier: 'tagger' }, milliseconds / 1000);
    const joined = Object.entries(fields).map(([name, { text, confidence, ...field }]) => [
      name,
      {
        ...field,
        question: texts[text]!.question,
        ...(confidence !== undefined && { confidence: rounded(confidence) }),
      },
    ]);
    const provenance = { ...stamp('tagger', 'crf-tagger/1', milliseconds), modelSha256: tagger.sha256 };
    return { extract: { ...byRules, fields: Object.fromEntries(joined), tagger: { ...provenance, dropped } } };
  };

  function count(outcome: 'answered' | 'dropped' | 'failed', by = 1): void {
    deps.metrics.count('formstead_inference_total', { kind: 'extract', tier: 'tagger', outcome }, by);
  }

  /** Undefined: the tagger could not answer. */
  async function placesOf(tagger: FormTagger, texts: Text[], rules: Cascade['rules']) {
    const ref = { sha256: tagger.sha256, read: () => trainedBytes(deps.blobs, tagger) };
    const hints = texts.map((_, i) =>
      Object.entries(rules).flatMap(([name, { text, start, end }]) => (text === i ? [{ name, start, end }] : [])),
    );
    try {
      const places = await deps.tagger.tag({ tagger: ref, texts: texts.map(({ text }) => text), hints });
      count('answered');
      return places.flatMap((some: TaggedField[], text) => some.map((place) => ({ ...place, text })));
    } catch (err) {
      count('failed');
      return err instanceof AppError && err.code === 'gone' ? 'lost' : undefined;
    }
  }

  /** What the rules read in each place alone, relative to the submission. */
  async function valuesOf(cascade: Cascade, now: number): Promise<Record<string, string | undefined>> {
    const context = { now, timeZone: deps.timeZone, region: deps.region };
    const read = placesToRead(cascade).map(async ({ spec, source }) => {
      const { fields } = await deps.reader.read([source], [spec], context);
      return [spec.name, fields[spec.name]?.value] as const;
    });
    return Object.fromEntries(await Promise.all(read));
  }
}

function rulesByText({ fields }: ExtractResult, texts: Text[]): Record<string, FoundField> {
  const found = Object.entries(fields).map(([name, { value, source, start, end, question }]) => {
    return [name, { value, source, start, end, text: texts.findIndex((one) => one.question === question) }] as const;
  });
  return Object.fromEntries(found);
}

const rounded = (probability: number): number => Math.round(probability * 10_000) / 10_000;
