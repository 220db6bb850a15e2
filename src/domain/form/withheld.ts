import type { Json } from '../json.ts';
import type { CompiledForm, CompiledQuestion } from './compiled.ts';

/** Answers to a password are kept and shown with their response; no export, count, search or reading sees them. */
export function isWithheld(question: Pick<CompiledQuestion, 'inputType'>): boolean {
  return question.inputType === 'password';
}

/**
 * Names of the answers that exports and searches of a form leave out, in rows of every version: a name that is a password's in one version is one in all of
 * them, so that an author who corrects the type of a question protects what was sent before.
 */
export function withheldNames(versions: readonly { compiled: Pick<CompiledForm, 'questions'> }[]): ReadonlySet<string> {
  return new Set(versions.flatMap(({ compiled }) => compiled.questions.filter(isWithheld).map(({ name }) => name)));
}

/** The same document where it holds none of them. */
export function withoutWithheld<T extends { answers: Record<string, Json> }>(doc: T, names: ReadonlySet<string>): T {
  const held = Object.keys(doc.answers).filter((name) => names.has(name));
  if (held.length === 0) return doc;
  return { ...doc, answers: Object.fromEntries(Object.entries(doc.answers).filter(([name]) => !names.has(name))) };
}
