import { type ChoiceValue, choiceValue, specialItems } from './choice-checks.ts';
import type { JsonSchema } from './compiled.ts';
import type { FormElement, InputType } from './definition.ts';
import { inputRules } from './input-types.ts';
import { limits } from './limits.ts';
import { type LocalText, textIn } from './local-text.ts';

/** A validator of a checked definition. */
export type FormValidator = { type: string; text?: LocalText } & { [property: string]: unknown };

/** The validators that can refuse an answer: warnings and hints are the renderer's business. */
export function errorValidators(element: FormElement): FormValidator[] {
  const validators = (element.validators ?? []) as FormValidator[];
  return validators.filter((validator) => (validator.notificationType ?? 'error') === 'error');
}

/** JSON Schema of the answer to one question. */
export function questionSchema(element: FormElement): JsonSchema {
  const title = textIn(element.title);
  return { ...(title ? { title } : {}), ...valueSchema(element) };
}

/** JSON Schema of the free text of “other”. */
export function commentSchema(): JsonSchema {
  return { type: 'string', maxLength: limits.textLength };
}

function valueSchema(element: FormElement): JsonSchema {
  switch (element.type) {
    case 'boolean':
      return booleanSchema(element);
    case 'checkbox':
      return checkboxSchema(element);
    case 'text':
      return inputRules[inputTypeOf(element)].value === 'number' ? numberSchema(element) : textSchema(element);
    case 'comment':
      return textSchema(element);
    default:
      return enumSchema(offeredValues(element));
  }
}

export function inputTypeOf(element: FormElement): InputType {
  return (element.inputType ?? 'text') as InputType;
}

function enumSchema(values: readonly unknown[]): JsonSchema {
  const types = [...new Set(values.map((value) => typeof value))];
  return { type: types.length === 1 ? types[0] : types, enum: values };
}

function booleanSchema(element: FormElement): JsonSchema {
  const values = booleanValues(element);
  return values ? enumSchema([values.true, values.false]) : { type: 'boolean' };
}

/** The values of a boolean question, where they are not true and false themselves. */
export function booleanValues(
  element: FormElement,
): { true: string | number | boolean; false: string | number | boolean } | undefined {
  if (element.valueTrue === undefined && element.valueFalse === undefined) return undefined;
  return { true: (element.valueTrue ?? true) as string, false: (element.valueFalse ?? false) as string };
}

function checkboxSchema(element: FormElement): JsonSchema {
  const values = offeredValues(element);
  const counts = errorValidators(element).filter((validator) => validator.type === 'answercount');
  const least = Math.max(0, ...counts.map((validator) => Number(validator.minCount ?? 0)));
  const most =
    smallest([element.maxSelectedChoices, ...counts.map((validator) => validator.maxCount)]) ?? values.length;
  return {
    type: 'array',
    items: enumSchema(values),
    uniqueItems: true,
    ...(least > 0 ? { minItems: least } : {}),
    maxItems: Math.min(most, values.length),
  };
}

/** All values a choice or rating question offers, “other” and “none” included. */
export function offeredValues(element: FormElement): ChoiceValue[] {
  if (element.type === 'rating') return ratingValues(element);
  const choices = ((element.choices ?? []) as unknown[]).map(choiceValue);
  const special = specialItems
    .filter((item) => item.properties.some((property) => element[property] === true))
    .map((item) => item.value);
  return [...choices, ...special];
}

export function offersOther(element: FormElement): boolean {
  return element.showOtherItem === true || element.hasOther === true;
}

function ratingValues(element: FormElement): ChoiceValue[] {
  const listed = (element.rateValues ?? []) as unknown[];
  if (listed.length > 0) return listed.map(choiceValue);
  const least = Number(element.rateMin ?? 1);
  const step = Number(element.rateStep ?? 1);
  const most = Number(
    element.rateMax ?? (element.rateCount === undefined ? 5 : least + step * (Number(element.rateCount) - 1)),
  );
  const values: number[] = [];
  const digits = String(step).split('.')[1]?.length ?? 0;
  for (let value = least; value <= most && values.length < limits.ratings; value = stepped(value + step, digits))
    values.push(value);
  return values;
}

// As survey-core counts: whole numbers as they are, others rounded to the decimals of the step, so that 0.1 + 0.2 is 0.3.
function stepped(value: number, digits: number): number {
  return Number.isInteger(value) ? value : Number.parseFloat(value.toFixed(digits));
}

function numberSchema(element: FormElement): JsonSchema {
  const numeric = errorValidators(element).filter((validator) => validator.type === 'numeric');
  const minimum = largest([element.min, ...numeric.map((validator) => validator.minValue)]);
  const maximum = smallest([element.max, ...numeric.map((validator) => validator.maxValue)], Number.NEGATIVE_INFINITY);
  // survey-core checks the step of numbers only; that of a range is the slider's business.
  const step = inputTypeOf(element) === 'number' && typeof element.step === 'number' ? element.step : undefined;
  return {
    type: 'number',
    ...(minimum === undefined ? {} : { minimum }),
    ...(maximum === undefined ? {} : { maximum }),
    ...(step === undefined ? {} : { multipleOf: step }),
  };
}

function textSchema(element: FormElement): JsonSchema {
  const rule = element.type === 'comment' ? undefined : inputRules[inputTypeOf(element)];
  const validators = errorValidators(element);
  const lengths = validators.filter((validator) => validator.type === 'text');
  const minLength = largest([element.minLength, ...lengths.map((validator) => validator.minLength)]) ?? 0;
  const ceiling = element.type === 'comment' ? limits.commentLength : limits.textLength;
  const maxLength = smallest([element.maxLength, ...lengths.map((validator) => validator.maxLength)]) ?? ceiling;
  const formats = [rule?.format, ...validators.filter((validator) => validator.type === 'email').map(() => 'email')];
  const patterns = [rule?.pattern, ...validators.filter((validator) => validator.type === 'regex').map(patternOf)];
  return {
    type: 'string',
    ...(minLength > 0 ? { minLength } : {}),
    maxLength,
    ...together([...keywords('format', formats), ...keywords('pattern', patterns)]),
  };
}

// ES2025 and RE2 both read (?i:…); JSON Schema has no other way to say that case does not matter.
export function patternOf(validator: FormValidator): string {
  return validator.caseInsensitive === true ? `(?i:${validator.regex})` : String(validator.regex);
}

function keywords(keyword: string, values: readonly (string | undefined)[]): JsonSchema[] {
  return [...new Set(values)].filter((value) => value !== undefined).map((value) => ({ [keyword]: value }));
}

/** One schema that says all of these: the first of each keyword as it is, what is left in an allOf. */
function together(parts: JsonSchema[]): JsonSchema {
  const result: JsonSchema = {};
  const rest = parts.filter((part) => {
    const keyword = Object.keys(part)[0]!;
    if (keyword in result) return true;
    Object.assign(result, part);
    return false;
  });
  return rest.length > 0 ? { ...result, allOf: rest } : result;
}

function largest(values: readonly unknown[]): number | undefined {
  const numbers = values.filter((value) => typeof value === 'number');
  return numbers.length > 0 ? Math.max(...numbers) : undefined;
}

/** The smallest of the numbers above `floor`: a length or a count of 0 or -1 means “no limit” to SurveyJS. */
function smallest(values: readonly unknown[], floor = 0): number | undefined {
  const numbers = values.filter((value) => typeof value === 'number' && value > floor) as number[];
  return numbers.length > 0 ? Math.min(...numbers) : undefined;
}
