import type { FormElement } from './definition.ts';
import { type LocalText, textIn } from './local-text.ts';
import { errorValidators, type FormValidator, patternOf } from './question-schema.ts';

/** The keywords of the schema that a validator becomes. */
const keywordsOf: Record<string, readonly string[]> = {
  text: ['minLength', 'maxLength'],
  numeric: ['minimum', 'maximum'],
  email: ['format'],
  answercount: ['minItems', 'maxItems'],
};

/** The author's own words for what a schema keyword refuses: by keyword, and by `pattern:` and the pattern, since there may be several.
 *  `{0}` in the words for min, max and step stands for the limit. */
export function errorTexts(element: FormElement): { [keyword: string]: string } {
  const texts: { [keyword: string]: string } = {};
  const limits = [
    ['minimum', element.minErrorText, element.min],
    ['maximum', element.maxErrorText, element.max],
    ['multipleOf', element.stepErrorText, element.step],
  ] as const;
  for (const [keyword, text, limit] of limits) {
    const said = textIn(text as LocalText | undefined);
    if (said) texts[keyword] = said.replaceAll('{0}', String(limit));
  }
  for (const validator of errorValidators(element)) {
    const said = textIn(validator.text);
    for (const key of said ? keysOf(validator) : []) texts[key] ??= said!;
  }
  return texts;
}

function keysOf(validator: FormValidator): readonly string[] {
  return validator.type === 'regex' ? [`pattern:${patternOf(validator)}`] : (keywordsOf[validator.type] ?? []);
}
