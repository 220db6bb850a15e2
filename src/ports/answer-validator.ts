import type { Issue } from '#domain/errors.ts';
import type { CompiledForm } from '#domain/form/compiled.ts';

/** Checks answers against the JSON Schema of one compiled form. */
export interface PreparedValidator {
  /** Everything that is wrong with the shape of the answers, with pointers below `/answers`; empty when nothing is. Never throws for a JSON value. */
  check(answers: Record<string, unknown>): Issue[];
}

export interface AnswerValidator {
  /** `key` names the content of `compiled` (its content hash, or form id and version): the same key gives the same prepared validator,
   *  kept for as long as there is room. Costs milliseconds the first time, nothing after. */
  prepare(compiled: CompiledForm, key: string): PreparedValidator;
}
