import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import type { CompiledForm } from '#domain/form/compiled.ts';
import type { AnswerValidator, PreparedValidator } from '#ports/answer-validator.ts';
import { addFormFormats } from './formats.ts';
import { toIssues } from './issues.ts';
import { linearPattern } from './linear-pattern.ts';

/** Validators compiled by Ajv, the last used ones kept. `cacheSize`: how many (default 200; one of 20 questions holds 16 kB of heap).
 *  The first `prepare` of a form takes about 5 ms for 20 questions and 250 ms for 500.
 *  Errors: `prepare` throws for a pattern that the linear-time engine cannot run, which parseDefinition refuses. */
export function createAjvValidator(options: { cacheSize?: number } = {}): AnswerValidator {
  const size = Math.max(1, options.cacheSize ?? 200);
  // A Map keeps its order of insertion: the first key is the one that was not used for the longest time.
  const prepared = new Map<string, PreparedValidator>();
  return {
    prepare(compiled, key) {
      const known = prepared.get(key);
      if (known) {
        prepared.delete(key);
        prepared.set(key, known);
        return known;
      }
      const fresh = prepareValidator(compiled);
      prepared.set(key, fresh);
      if (prepared.size > size) prepared.delete(prepared.keys().next().value!);
      return fresh;
    },
  };
}

function prepareValidator(compiled: CompiledForm): PreparedValidator {
  // One Ajv for each form: Ajv keeps every schema it has compiled, so a common one would grow without bound.
  const validate: ValidateFunction = createAjv().compile(compiled.schema);
  return {
    check(answers) {
      return validate(answers) ? [] : toIssues(validate.errors ?? [], compiled);
    },
  };
}

// `code.regExp` takes patterns away from JavaScript's backtracking engine (29 characters held it up for 9.9 s).
const regExp = Object.assign((source: string) => linearPattern(source), { code: 'linearPattern' });

function createAjv(): Ajv2020 {
  const ajv = new Ajv2020({
    strict: true,
    allErrors: true,
    allowUnionTypes: true,
    coerceTypes: false,
    removeAdditional: false,
    useDefaults: false,
    ownProperties: true,
    unicodeRegExp: true,
    // 0.3 is a multiple of 0.1: equal to six decimals, as in survey-core.
    multipleOfPrecision: 6,
    logger: false,
    // The schema is our own: checking it against the meta-schema takes 12 of the 16 ms that a new form costs.
    validateSchema: false,
    code: { regExp },
  });
  addFormFormats(ajv);
  return ajv;
}
