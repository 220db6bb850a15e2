import type { CompiledForm, CompiledQuestion } from './compiled.ts';

/** Answers from the fields of an HTML form post, where everything is text: converted by question type. What cannot be converted stays as it is,
 *  so that validation reports it; blank fields are absent. */
export function formAnswersFromFields(
  compiled: CompiledForm,
  fields: Iterable<[string, string]>,
): Record<string, unknown> {
  const posted = new Map<string, string[]>();
  for (const [name, value] of fields) {
    const values = posted.get(name);
    if (values) values.push(value);
    else posted.set(name, [value]);
  }
  const questions = new Map(compiled.questions.map((question) => [question.name, question]));
  const answers = new Map<string, unknown>();
  for (const [name, values] of posted) {
    const filled = values.filter((value) => value.trim() !== '');
    if (filled.length > 0) answers.set(name, converted(questions.get(name), filled));
  }
  // fromEntries defines its properties, so that a field called __proto__ is only an unknown answer.
  return Object.fromEntries(answers);
}

function converted(question: CompiledQuestion | undefined, values: string[]): unknown {
  if (question?.type === 'checkbox') return values.map((value) => offered(question, value));
  // The usual pair <input type=hidden value=false><input type=checkbox value=true>: the last one counts.
  if (question?.type === 'boolean') return toBoolean(question, values.at(-1)!);
  if (values.length > 1) return values;
  const value = values[0]!;
  switch (question?.type) {
    case 'text':
      return question.inputType === 'number' || question.inputType === 'range' ? toNumber(value) : value;
    case 'comment':
      // A browser sends CR LF where its own length limit and JSON clients have LF.
      return value.replaceAll('\r\n', '\n');
    case undefined:
      return value;
    default:
      return offered(question!, value);
  }
}

function toNumber(value: string): unknown {
  const text = value.trim();
  const number = Number(text);
  return /^[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?$/.test(text) && Number.isFinite(number)
    ? number
    : value;
}

function toBoolean(question: CompiledQuestion, value: string): unknown {
  const values = question.booleanValues ?? { true: true, false: false };
  if (value === String(values.true)) return values.true;
  if (value === String(values.false)) return values.false;
  // A checkbox without a value of its own sends “on”.
  return value === 'on' ? values.true : value;
}

function offered(question: CompiledQuestion, value: string): unknown {
  return question.values?.find((one) => String(one) === value) ?? value;
}
