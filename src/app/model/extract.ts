import { codesIn } from '#domain/draft-check.ts';
import type { FieldSpec } from '#domain/intelligence.ts';
import { extractPrompt, extractText, longestValue, mostFields } from '#domain/prompt/extract.ts';
import type { AnswerSchema, TextModel } from '#ports/text-model.ts';
import type { Asked, ModelCalls } from './calls.ts';

/** What the model says stands in the text, by field; null where it says that nothing does. */
export type Named = Record<string, string | null>;

/**
 * Asks for at most `mostFields` fields, held to their JSON by a grammar that knows no words but those of the message: what comes back stands in it. `null` where
 * the answer is not what was asked for, or was cut before its end.
 */
export function askForFields(
  deps: { calls: ModelCalls; textModel: Pick<TextModel, 'write'> },
  fields: readonly FieldSpec[],
  message: string,
  limits: { timeMs: number; signal: AbortSignal; progress: (fraction: number) => void },
): Promise<Asked<Named | null>> {
  const asked = fields.slice(0, mostFields);
  const prompt = extractText(asked, message);
  const schema = schemaOf(asked, message);
  const maxTokens = tokensForFields(asked.length);
  return deps.calls.ask({
    part: 'extract',
    prompt: extractPrompt,
    input: { ...prompt, fields: asked.map(({ name }) => name) },
    seed: 1,
    ...limits,
    call: async (budget) => {
      const { text, ended, model, usage } = await deps.textModel.write(
        { ...prompt, schema, maxTokens, seed: 1 },
        budget,
      );
      return { value: (ended === 'stop' ? parseNamed(text, asked) : undefined) ?? null, model, usage };
    },
  });
}

/** Words and signs that a value has at most. */
const mostPieces = 12;
/** A piece takes two tokens, in some scripts more; a name is repeated. So the answer is cut only where it is one long word after another. */
export const tokensForFields = (count: number): number => Math.min(900, 20 + count * 60);

export function schemaOf(fields: readonly FieldSpec[], message: string): AnswerSchema {
  const properties: AnswerSchema['properties'] = {};
  for (const { name } of fields) properties[name] = { type: 'words-of', text: message, most: mostPieces };
  return { type: 'object', properties };
}

/** The answer, if it is what the schema says, by our own reading of it; whatever the grammar promised. */
export function parseNamed(text: string, fields: readonly FieldSpec[]): Named | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const entries = Object.entries(value);
  if (entries.length !== fields.length) return undefined;
  const named: Named = {};
  for (const { name } of fields) {
    if (!Object.hasOwn(value, name)) return undefined;
    const found = (value as Record<string, unknown>)[name];
    if (found !== null && (typeof found !== 'string' || [...found].length > longestValue)) return undefined;
    named[name] = found;
  }
  return named;
}

/**
 * Where a value stands in a text: letter for letter, else with letter case and white space ignored; undefined where it does not. Offsets are UTF-16 code units.
 */
export function groundIn(text: string, value: string): { start: number; end: number } | undefined {
  const wanted = value.trim().replace(/^["'“”„]+|["'“”.,;]+$/gu, '');
  if (wanted === '' || !/[\p{L}\p{N}]/u.test(wanted)) return undefined;
  const exact = wholeWord(text, wanted, 0);
  if (exact !== undefined) return { start: exact, end: exact + wanted.length };
  const pattern = wanted
    .split(/\s+/)
    .map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    .join('\\s+');
  const match = new RegExp(`(?<![\\p{L}\\p{N}])${pattern}(?![\\p{L}\\p{N}])`, 'iu').exec(text);
  return match ? { start: match.index, end: match.index + match[0].length } : undefined;
}

function wholeWord(text: string, wanted: string, from: number): number | undefined {
  const isInside = (at: number) => /[\p{L}\p{N}]/u.test(text.slice(at, at + 1));
  for (let at = text.indexOf(wanted, from); at >= 0; at = text.indexOf(wanted, at + 1)) {
    const before = at > 0 && isInside(at - 1) && isInside(at);
    const after = isInside(at + wanted.length) && isInside(at + wanted.length - 1);
    if (!before && !after) return at;
  }
  return undefined;
}

/** Words that a value of such a field has at most: a small model likes to answer with the whole sentence. */
const mostWords: Partial<Record<FieldSpec['type'], number>> = { person: 4, place: 6, organisation: 6, text: 12 };

/** Whether it can be what the field asks for: a name is no sentence, and no code. */
export function isPlausible({ type }: FieldSpec, source: string): boolean {
  const most = mostWords[type];
  if (most === undefined) return true;
  const words = source.split(/\s+/u);
  if (type !== 'text' && codesIn(source).size > 0) return false;
  return words.length <= most && (type === 'text' || !/[,;:!?\n]|\p{L}{3,}\.\s/u.test(source));
}
