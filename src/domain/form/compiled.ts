import type { InputType, QuestionType } from './definition.ts';
import type { Expression } from './expression.ts';

/** Any JSON Schema 2020-12 object. */
export type JsonSchema = { [keyword: string]: unknown };

/** The kind of an analytics column. A `date` is written YYYY-MM-DD, a `timestamp` as a local date and time without zone (YYYY-MM-DDTHH:MM). */
export type ColumnType = 'string' | 'number' | 'boolean' | 'date' | 'timestamp' | 'string[]';

/** One column of exports and analytics. */
export type Column = {
  /** The name of the answer. */
  name: string;
  /** Stays the same in every version of the form in which the answer keeps its name and its type; `[a-z0-9_]+`,
   *  unique even where upper and lower case are the same (DuckDB). */
  id: string;
  type: ColumnType;
  title: string;
};

/** A rule that a JSON Schema cannot say. `text` is the author's own error text, where there is one.
 *  `order` compares texts such as dates by code unit, `min` and `max` included; `numeric` is for texts that must read as numbers. */
export type Rule =
  | { kind: 'expression'; expression: Expression; text?: string }
  | { kind: 'numeric'; min?: number; max?: number; text?: string }
  | { kind: 'order'; min?: string; max?: string; minText?: string; maxText?: string };

export type CompiledQuestion = {
  name: string;
  type: QuestionType;
  inputType?: InputType;
  title: string;
  /** RFC 6901 pointer to the element in the definition. */
  pointer: string;
  /** Must be answered whenever it is visible. Never true for a read-only question or one with a requiredIf. */
  required: boolean;
  requiredIf?: Expression;
  /** False where the element, or a panel or page around it, says `visible: false` and has no condition. */
  visible: boolean;
  /** Visible while all of these hold: indexes into `conditions`, those of the page and the panels first. */
  visibleIf?: number[];
  /** The author's words for a missing answer. */
  requiredText?: string;
  /** The author's words for what a keyword of the schema refuses, by keyword, or by `pattern:` and the pattern. */
  errorTexts?: { [keyword: string]: string };
  /** The name under which the free text of “other” arrives, where the question offers it. */
  commentName?: string;
  /** A visible checkbox needs so many choices, even when nothing else is required (a lone none, refused or dontknow is enough). */
  minSelected?: number;
  /** Values that stand for true and false, where they are not the JSON booleans. */
  booleanValues?: { true: string | number | boolean; false: string | number | boolean };
  /** The values that a choice or rating question offers, in the order of the definition. */
  values?: (string | number)[];
  rules: Rule[];
};

/** What publishing makes of a definition: plain JSON, immutable, all that the accept path needs. */
export type CompiledForm = {
  /** JSON Schema 2020-12 of the answers as they are kept: blanks absent, answers to hidden questions dropped. */
  schema: JsonSchema;
  /** The visibility conditions, each once. */
  conditions: Expression[];
  questions: CompiledQuestion[];
  columns: Column[];
  /** Names of the free-text answers: comments, text questions of inputType text, and the free text of “other”. */
  texts: string[];
};
