import type { ModelId, ModelPurpose } from '#domain/model.ts';

export type Choice = ModelId & {
  /** Milliseconds since 1970. */
  since: number;
  previous?: ModelId;
};

/** Which model is in use for which purpose. */
export type Selection = { [P in ModelPurpose]?: Choice };

export const sameModel = (a: ModelId | undefined, b: ModelId | undefined): boolean =>
  a?.name === b?.name && a?.version === b?.version;

export const idOf = ({ name, version }: ModelId): string => `${name}@${version}`;

/** The one that was in use until now becomes the one to roll back to. Choosing the one in use changes nothing. */
export function choose(selection: Selection, purpose: ModelPurpose, model: ModelId, now: number): Selection {
  const current = selection[purpose];
  if (current && sameModel(current, model)) return selection;
  const chosen: Choice = { name: model.name, version: model.version, since: now };
  if (current) chosen.previous = { name: current.name, version: current.version };
  return { ...selection, [purpose]: chosen };
}

/** A selection as it stands in `active.json`; undefined when that is none. */
export function parseSelection(json: unknown): Selection | undefined {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return undefined;
  const selection: Selection = {};
  for (const [purpose, choice] of Object.entries(json)) {
    if (purpose !== 'text' && purpose !== 'embedding') return undefined;
    if (!isId(choice) || typeof choice.since !== 'number') return undefined;
    if (choice.previous !== undefined && !isId(choice.previous)) return undefined;
    selection[purpose] = choice as Choice;
  }
  return selection;
}

function isId(value: unknown): value is ModelId & Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const { name, version } = value as Record<string, unknown>;
  return typeof name === 'string' && typeof version === 'string';
}
