import {
  below,
  type Check,
  checkProperties,
  type Findings,
  isRecord,
  isText,
  type PropertyTable,
  refused,
  report,
} from './checks.ts';
import { limits } from './limits.ts';

export type ChoiceValue = string | number;

/** Values that SurveyJS gives the special items of a choice question, by the properties that show them. */
export const specialItems = [
  { properties: ['showOtherItem', 'hasOther'], value: 'other' },
  { properties: ['showNoneItem', 'hasNone'], value: 'none' },
  { properties: ['showRefuseItem'], value: 'refused' },
  { properties: ['showDontKnowItem'], value: 'dontknow' },
] as const;

const notPerChoice = refused('Conditions and comments of single choices are not supported.');
const choiceTable: PropertyTable = {
  value: () => {},
  text: isText,
  visibleIf: notPerChoice,
  enableIf: notPerChoice,
  showCommentArea: notPerChoice,
  elements: notPerChoice,
};

export const areChoices: Check = (value, pointer, findings) => checkList(value, pointer, findings, limits.choices);
export const areRateValues: Check = (value, pointer, findings) => checkList(value, pointer, findings, limits.ratings);

/** The value of a choice of a checked definition. */
export function choiceValue(choice: unknown): ChoiceValue {
  return (isRecord(choice) ? choice.value : choice) as ChoiceValue;
}

function checkList(value: unknown, pointer: string, findings: Findings, most: number): void {
  if (!Array.isArray(value)) {
    report(findings, pointer, 'wrong-type', 'Write a list of choices.');
    return;
  }
  if (value.length > most) {
    report(findings, pointer, 'too-many', `Offer at most ${most} choices; there are ${value.length}.`);
    return;
  }
  const seen = new Set<string>();
  value.forEach((choice, index) => {
    const at = below(pointer, index);
    if (isRecord(choice)) checkProperties(choice, at, choiceTable, 'a choice', findings);
    checkValue(choiceValue(choice), isRecord(choice) ? below(at, 'value') : at, seen, findings);
  });
}

function checkValue(value: unknown, at: string, seen: Set<string>, findings: Findings): void {
  const number = typeof value === 'number' && Number.isFinite(value);
  if (!number && (typeof value !== 'string' || value.trim() === '' || value.length > limits.choiceLength)) {
    report(
      findings,
      at,
      'wrong-type',
      `Write the choice as a number or a text of 1 to ${limits.choiceLength} characters, or as { "value": …, "text": … }.`,
    );
    return;
  }
  // SurveyJS reads "a|b" as the value a with the text b.
  if (typeof value === 'string' && value.includes('|')) {
    report(findings, at, 'unsupported-value', 'Write { "value": "…", "text": "…" } instead of a value with “|”.');
  }
  // 1 and "1" are one choice to SurveyJS and in a posted HTML form.
  const key = String(value);
  if (seen.has(key))
    report(findings, at, 'duplicate-choice', `Remove or rename the second choice ${JSON.stringify(value)}.`);
  seen.add(key);
}
