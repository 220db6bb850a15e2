import type { Quantised } from '#domain/similarity.ts';

/** Vectors below each other; `ids` says how many rows there are. */
type Block = { ids: string[]; values: Int8Array; scales: Float32Array };

/** The vectors of a form by one model, the oldest block first; within a block they stand in no order. */
export type FormVectors = {
  formId: string;
  modelSha256: string;
  dimensions: number;
  blocks: Block[];
  ids: Set<string>;
  /** When the newest read from the store began: whatever was visible then is here. */
  readAt: number;
  loaded: boolean;
  /** Older ones were left out. */
  full: boolean;
  /** Reading from the store; whoever else wants the form waits for it. */
  busy: Promise<void> | undefined;
};

/** 0.4 MB of 384 dimensions: what a form with one vector takes, and what is let go of at once. */
const blockRows = 1_024;
/** Blocks: 8,192 rows of 384 dimensions take 4 ms, then other requests have their turn. */
export const scansAtOnce = 8;
/** An id of 40 characters in a list and a set: 95 bytes with 100,000 of them (bench/similar.ts), and more while a set has just grown. */
const idBytes = 110;

/** The forms in memory, the one longest unasked for first. */
export function createForms({ bytes: most, rows = Infinity }: { bytes: number; rows?: number }) {
  const forms = new Map<string, FormVectors>();

  /** By the model given: vectors of another one are of no use any more. */
  function open(formId: string, modelSha256: string, dimensions: number): FormVectors {
    const known = forms.get(formId);
    const form = known?.modelSha256 === modelSha256 ? known : empty(formId, modelSha256, dimensions);
    forms.delete(formId);
    forms.set(formId, form);
    return form;
  }

  function clear(form: FormVectors): void {
    Object.assign(form, { ...empty(form.formId, form.modelSha256, form.dimensions), busy: form.busy });
  }

  /** `older`: than what is there, for as long as there is room. `newer`: the oldest block makes room. A vector of other length is left out. */
  function put(form: FormVectors, id: string, { values, scale }: Quantised, side: 'older' | 'newer'): void {
    if (values.length !== form.dimensions) return;
    const block = roomIn(form, side);
    if (!block) return;
    block.values.set(values, block.ids.length * form.dimensions);
    block.scales[block.ids.length] = scale;
    block.ids.push(id);
    form.ids.add(id);
  }

  function roomIn(form: FormVectors, side: 'older' | 'newer'): Block | undefined {
    const last = side === 'older' ? form.blocks[0] : form.blocks.at(-1);
    if (last && last.ids.length < blockRows) return last;
    if (!mayGrow(form)) {
      form.full = true;
      if (side === 'older') return undefined;
      for (const id of form.blocks.shift()?.ids ?? []) form.ids.delete(id);
    }
    const block = {
      ids: [],
      values: new Int8Array(blockRows * form.dimensions),
      scales: new Float32Array(blockRows),
    };
    if (side === 'older') form.blocks.unshift(block);
    else form.blocks.push(block);
    return block;
  }

  /** Lets go of the forms that were not asked for the longest, until there is room for one more block of this one. */
  function mayGrow(form: FormVectors): boolean {
    const next = blockBytes(form.dimensions);
    const mostBlocks = Math.max(1, Math.min(Math.floor(most / next), Math.ceil(rows / blockRows)));
    if (form.blocks.length >= mostBlocks) return false;
    for (const other of [...forms.values()]) {
      if (bytes() + next <= most) break;
      if (other !== form) forms.delete(other.formId);
    }
    return true;
  }

  function bytes(): number {
    let sum = 0;
    for (const { blocks, dimensions } of forms.values()) sum += blocks.length * blockBytes(dimensions);
    return sum;
  }

  return { open, find: (formId: string) => forms.get(formId), clear, put, bytes };
}

const blockBytes = (dimensions: number): number => blockRows * (dimensions + Float32Array.BYTES_PER_ELEMENT + idBytes);

function empty(formId: string, modelSha256: string, dimensions: number): FormVectors {
  return {
    formId,
    modelSha256,
    dimensions,
    blocks: [],
    ids: new Set(),
    readAt: 0,
    loaded: false,
    full: false,
    busy: undefined,
  };
}
