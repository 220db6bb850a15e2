/**
 * What one response costs to check: our compiled form beside survey-core on the same form and answers; and what it costs to count one that is refused.
 * Run: node bench/validate.ts
 */
import { Model } from 'survey-core';
import { createIds } from '../src/adapters/ids-uuid/ids.ts';
import { createAjvValidator } from '../src/adapters/validator-ajv/ajv-validator.ts';
import { createRefusals } from '../src/app/refusals.ts';
import { validateAnswers } from '../src/domain/answers.ts';
import { compileForm } from '../src/domain/form/compile.ts';
import { type FormDefinition, parseDefinition } from '../src/domain/form/definition.ts';

const definition: FormDefinition = {
  title: 'Contact',
  elements: [
    { type: 'text', name: 'name', isRequired: true, maxLength: 80 },
    { type: 'text', name: 'email', inputType: 'email', isRequired: true },
    { type: 'text', name: 'phone', inputType: 'tel', validators: [{ type: 'regex', regex: '^\\+?[0-9 ()-]{5,20}$' }] },
    { type: 'text', name: 'age', inputType: 'number', min: 18, max: 120 },
    { type: 'text', name: 'visit', inputType: 'date', min: '2020-01-01' },
    { type: 'dropdown', name: 'topic', choices: ['billing', 'delivery', 'returns', 'other'], isRequired: true },
    { type: 'checkbox', name: 'channels', choices: ['mail', 'phone', 'visit'], maxSelectedChoices: 2 },
    { type: 'rating', name: 'rating', rateMax: 10 },
    { type: 'boolean', name: 'customer' },
    {
      type: 'comment',
      name: 'message',
      visibleIf: "{topic} = 'billing' or {rating} < 5",
      requiredIf: '{customer} = true',
    },
  ],
};

const answers = {
  name: 'Ada Lovelace',
  email: 'ada@example.org',
  phone: '+44 20 7946 0000',
  age: 36,
  visit: '2026-01-31',
  topic: 'billing',
  channels: ['mail', 'phone'],
  rating: 8,
  customer: true,
  message:
    'The invoice of last month shows an amount that I do not understand. Could you explain the second line to me, please?',
};

function microseconds(times: number, work: () => void): number {
  const started = process.hrtime.bigint();
  for (let count = 0; count < times; count += 1) work();
  return Number(process.hrtime.bigint() - started) / 1000 / times;
}

/** The best of 9 rounds, after one to warm up: what other programs take away does not count. */
function measured(times: number, work: () => void): number {
  microseconds(times, work);
  const rounds = Array.from({ length: 9 }, () => microseconds(times, work)).sort((a, b) => a - b);
  return rounds[0]!;
}

const parsed = parseDefinition(definition);
if ('issues' in parsed) throw new Error(JSON.stringify(parsed.issues));
const compiled = compileForm(parsed.definition);
const prepared = createAjvValidator().prepare(compiled, 'bench');
const checked = validateAnswers(compiled, prepared, answers);
if ('issues' in checked) throw new Error(JSON.stringify(checked.issues));

const ours = measured(20_000, () => validateAnswers(compiled, prepared, answers));
const parse = measured(200, () => parseDefinition(definition));
const compile = measured(200, () => compileForm(definition));
const prepare = measured(5, () => createAjvValidator().prepare(compiled, 'bench'));

const clock = { now: Date.now };
const unwritten = { storage: {} as never, log: { warn() {} }, timeZone: 'Europe/Berlin', leastGroup: 1 };
const refusals = createRefusals({ ...unwritten, clock, ids: createIds({ clock }) });
const wrong = validateAnswers(compiled, prepared, { ...answers, email: '', age: 3, message: '' });
if (!('issues' in wrong)) throw new Error('the wrong answers fit');
const { issues } = wrong;
const refuse = measured(20_000, () => refusals.count('frm_bench', compiled, issues));

const most: FormDefinition = {
  elements: Array.from({ length: 500 }, (_, i) => ({ type: 'text', name: `question-${i}`, isRequired: true })),
};
const large = compileForm(most);
const nothing = validateAnswers(large, createAjvValidator().prepare(large, 'large'), {});
if (!('issues' in nothing)) throw new Error('500 missing answers fit');
const refuseMost = measured(500, () => refusals.count('frm_large', large, nothing.issues));

const survey = new Model(definition);
const theirs = measured(50, () => {
  survey.data = answers;
  if (!survey.validate(false)) throw new Error('survey-core refuses the answers');
});
const model = measured(5, () => new Model(definition));

console.log('10 questions, 10 answers, best of 9 rounds');
console.log(
  `check answers      ours ${ours.toFixed(2)} µs   survey-core ${theirs.toFixed(0)} µs   ratio ${(theirs / ours).toFixed(0)}`,
);
console.log(
  `prepare the form   parse ${parse.toFixed(0)} µs, compile ${compile.toFixed(0)} µs, validator ${prepare.toFixed(0)} µs   survey-core model ${model.toFixed(0)} µs`,
);
console.log(
  `count a refusal    ${refuse.toFixed(2)} µs (${issues.length} failures), 500 questions and ${nothing.issues.length} failures ${refuseMost.toFixed(0)} µs`,
);
