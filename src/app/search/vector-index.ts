import { isYounger } from '#domain/age.ts';
import { quantisedOf, type ResponseVector } from '#domain/response-vector.ts';
import { collectNearest, type Neighbour, type Quantised } from '#domain/similarity.ts';
import type { Clock, Pause } from '#ports/clock.ts';
import type { Storage } from '#ports/storage.ts';
import { every, pages } from '../every.ts';
import { createForms, type FormVectors, scansAtOnce } from './form-vectors.ts';

type Deps = {
  storage: Pick<Storage, 'list'>;
  clock: Clock;
  pause: Pause;
  /** Memory of all forms together. */
  bytes: number;
  /** The newest of each form that are kept; all where absent, as far as the memory goes. */
  rows?: number;
  /** The vectors of a form have been read: `count` of them, and whether these are all. */
  onLoaded?: (loaded: { formId: string; modelSha256: string; count: number; whole: boolean }) => void;
};

export type Similar = { id: string; similarity: number };

/** A page is parsed on the thread that answers requests: 200 vectors of 384 dimensions take 1 ms, and no page of 500 took more than 7 (bench/similar.ts). */
const pageVectors = 200;
/** What other processes have added is looked for so often. */
const freshMs = 1_000;
/** A vector may be visible this long after its `at`: clocks of several hosts, and a commit that had to wait. So far before the last look the next one begins. */
const overlapMs = 60_000;

/**
 * The vectors of responses in memory, to be compared with one: loaded when a form is first asked about, newest first, and continued from there. Forms that nobody
 * asks about give way to others; a form that is too large keeps its newest. Errors: `storage-unavailable`.
 */
export function createVectorIndex(deps: Deps) {
  const forms = createForms(deps);

  async function ready(formId: string, modelSha256: string, dimensions: number): Promise<FormVectors> {
    const form = forms.open(formId, modelSha256, dimensions);
    form.busy ??= bring(form).finally(() => {
      form.busy = undefined;
    });
    await form.busy;
    return form;
  }

  async function bring(form: FormVectors): Promise<void> {
    // The clock was set back: what was added since may be of any time before the last look.
    if (form.readAt - deps.clock.now() > freshMs) forms.clear(form);
    if (form.loaded) return catchUp(form);
    // Where that fails, the next one begins anew, and passes over what it finds here.
    await load(form);
    const { formId, modelSha256, ids } = form;
    deps.onLoaded?.({ formId, modelSha256, count: ids.size, whole: !form.full });
  }

  async function load(form: FormVectors): Promise<void> {
    form.readAt = deps.clock.now();
    const query = { ...where(form), newestFirst: true, limit: pageVectors };
    for await (const { items } of pages((after) => deps.storage.list('vector', { ...query, after }))) {
      for (const { doc } of items) take(form, doc, 'older');
      if (form.full) break;
    }
    form.loaded = true;
  }

  async function catchUp(form: FormVectors): Promise<void> {
    const now = deps.clock.now();
    if (isYounger(form.readAt, now, freshMs)) return;
    const from = Math.max(0, form.readAt - overlapMs);
    const query = { ...where(form), from, limit: pageVectors };
    for await (const doc of every(deps.storage, 'vector', query)) take(form, doc, 'newer');
    form.readAt = now;
  }

  function take(form: FormVectors, doc: ResponseVector, side: 'older' | 'newer'): void {
    if (doc.modelSha256 !== form.modelSha256 || form.ids.has(doc.id)) return;
    forms.put(form, doc.id, quantisedOf(doc), side);
  }

  return {
    /**
     * The `count` responses of the form whose vectors are most similar to `query`, best first. `accept` is asked only about those that would be among them.
     * A response that another process has understood is found within a second.
     */
    async nearest(
      { formId, modelSha256 }: { formId: string; modelSha256: string },
      query: Quantised,
      count: number,
      accept: (id: string) => boolean = () => true,
    ): Promise<Similar[]> {
      const form = await ready(formId, modelSha256, query.values.length);
      const best: Neighbour[] = [];
      // A block may be let go of in between, and others begun: these are the ones of this moment.
      const blocks = [...form.blocks];
      const starts: number[] = [];
      let firstRow = 0;
      for (const [i, block] of blocks.entries()) {
        if (i > 0 && i % scansAtOnce === 0) await deps.pause(0);
        const base = firstRow;
        const rows = block.ids.length;
        const scales = block.scales.subarray(0, rows);
        const matrix = { dimensions: form.dimensions, values: block.values, scales };
        collectNearest(best, matrix, query, { count, firstRow, accept: (row) => accept(block.ids[row - base]!) });
        starts.push(firstRow);
        firstRow += rows;
      }
      return best.map(({ row, similarity }) => {
        const at = starts.findLastIndex((start) => start <= row);
        return { id: blocks[at]!.ids[row - starts[at]!]!, similarity };
      });
    },

    /** One that was just kept. Nothing where its form is not loaded: it is read when that is. */
    add(doc: ResponseVector): void {
      const form = forms.find(doc.formId);
      if (form) take(form, doc, 'newer');
    },

    bytes: forms.bytes,
  };
}
export type VectorIndex = ReturnType<typeof createVectorIndex>;

const where = ({ formId }: FormVectors) => ({ where: { formId } });
