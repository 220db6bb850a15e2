import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import type { CompiledForm } from '../../src/domain/form/compile.ts';
import { compileForm } from '../../src/domain/form/compile.ts';
import type { FormDefinition, FormElement } from '../../src/domain/form/definition.ts';
import { evaluate } from '../../src/domain/form/evaluate.ts';
import type { Expression } from '../../src/domain/form/expression.ts';
import {
  kinds,
  ourVerdict,
  type Plant,
  refusals,
  runExpressions,
  runForms,
  theirVerdict,
} from '../support/survey-comparison.ts';

// Other seeds and more forms: SEED=7 FORMS=2000 node --test test/integration/survey-differential.test.ts
const seed = Number(process.env.SEED ?? 20261122);
const formCount = Number(process.env.FORMS ?? 300);

test('generated forms get the same verdict and keep the same answers as in survey-core', () => {
  const report = runForms(seed, formCount);
  const sets = `${formCount} forms, ${formCount * kinds.length} answer sets`;
  const counts = `${report.compared} verdicts compared, ${report.refused} intended refusals, ${report.skipped} left out`;
  console.log(`${sets}: ${counts}, ${report.crashed} sets on which survey-core throws`);
  assert.deepEqual(report.disagreements.slice(0, 3), []);
  assert.ok(report.compared > 3 * (report.skipped + report.refused), 'most verdicts are compared');
});

test('generated expressions have the same result as in survey-core', () => {
  const report = runExpressions(seed, 5000, evaluate);
  console.log(
    `${report.compared} expressions compared, ${report.refused} refused, ${report.crashed} on which survey-core throws`,
  );
  assert.deepEqual(report.disagreements.slice(0, 5), []);
  assert.ok(report.refused + report.crashed < report.compared / 10);
});

const plantedForms: Record<string, Plant> = {
  'and read as or': (compiled) => withConditions(compiled, (one) => (one.op === 'and' ? { ...one, op: 'or' } : one)),
  'empty read as notempty': (compiled) =>
    withConditions(compiled, (one) => (one.op === 'empty' ? { ...one, op: 'notempty' } : one)),
  'conditions of panels and pages forgotten': (compiled) =>
    withQuestions(compiled, (one) => ({ ...one, ...(one.visibleIf ? { visibleIf: one.visibleIf.slice(-1) } : {}) })),
  'requiredIf forgotten': (compiled) => withQuestions(compiled, ({ requiredIf, ...one }) => one),
  'expression validators forgotten': (compiled) =>
    withQuestions(compiled, (one) => ({ ...one, rules: one.rules.filter((rule) => rule.kind !== 'expression') })),
  'visible: false forgotten': (compiled) => withQuestions(compiled, (one) => ({ ...one, visible: true })),
  'step and limits of numbers forgotten': (compiled) =>
    withProperties(compiled, ({ minimum, maximum, multipleOf, ...schema }) => schema),
  'minLength forgotten': (compiled) => withProperties(compiled, ({ minLength, ...schema }) => schema),
};

for (const [fault, plant] of Object.entries(plantedForms)) {
  test(`the comparison of forms notices a planted fault: ${fault}`, () => {
    assert.ok(runForms(seed, formCount, plant, true).disagreements.length > 0);
  });
}

const plantedExpressions: Record<string, typeof evaluate> = {
  'less read as lessorequal': (one, read) =>
    evaluate(
      mapped(one, (part) => (part.op === 'less' ? { ...part, op: 'lessorequal' } : part)),
      read,
    ),
  'anyof read as allof': (one, read) =>
    evaluate(
      mapped(one, (part) => (part.op === 'anyof' ? { ...part, op: 'allof' } : part)),
      read,
    ),
  'a missing list read as nothing': (one, read) =>
    evaluate(
      mapped(one, (part) => (part.op === 'name' ? { op: 'name', name: part.name } : part)),
      read,
    ),
  'notempty read as its opposite': (one, read) =>
    evaluate(
      mapped(one, (part) => (part.op === 'notempty' ? { ...part, op: 'empty' } : part)),
      read,
    ),
  'texts that look like numbers left as they are': (one, read) =>
    evaluate(one, (name) => (typeof read(name) === 'string' ? `${read(name)}\u200b` : read(name))),
};

for (const [fault, planted] of Object.entries(plantedExpressions)) {
  test(`the comparison of expressions notices a planted fault: ${fault}`, () => {
    assert.ok(runExpressions(seed, 10_000, planted, true).disagreements.length > 0);
  });
}

function withConditions(compiled: CompiledForm, change: (one: Expression) => Expression): CompiledForm {
  return { ...compiled, conditions: compiled.conditions.map((condition) => mapped(condition, change)) };
}

function withQuestions(
  compiled: CompiledForm,
  change: (one: CompiledForm['questions'][number]) => CompiledForm['questions'][number],
): CompiledForm {
  return { ...compiled, questions: compiled.questions.map(change) };
}

function withProperties(
  compiled: CompiledForm,
  change: (schema: Record<string, unknown>) => Record<string, unknown>,
): CompiledForm {
  const properties = Object.entries(compiled.schema.properties as Record<string, Record<string, unknown>>);
  return {
    ...compiled,
    schema: {
      ...compiled.schema,
      properties: Object.fromEntries(properties.map(([name, schema]) => [name, change(schema)])),
    },
  };
}

function mapped(expression: Expression, change: (one: Expression) => Expression): Expression {
  const inner = (part: Expression) => mapped(part, change);
  const changed = change(expression);
  if ('operands' in changed) return { ...changed, operands: changed.operands.map(inner) };
  if ('items' in changed) return { ...changed, items: changed.items.map(inner) };
  if ('left' in changed) return { ...changed, left: inner(changed.left), right: inner(changed.right) };
  return 'operand' in changed ? { ...changed, operand: inner(changed.operand) } : changed;
}

/** Both verdicts on one small form. */
function both(elements: FormElement[], answers: Record<string, unknown>) {
  const definition: FormDefinition = { elements };
  const ours = ourVerdict(compileForm(definition), JSON.stringify(elements), answers);
  const theirs = theirVerdict(definition, answers);
  assert.ok(theirs);
  return {
    ours: { failing: [...ours.failing], kept: ours.kept },
    theirs: { failing: [...theirs.failing], kept: theirs.kept },
  };
}

test('divergence 1 is real: an answer of an unknown name is refused, SurveyJS keeps it', () => {
  const { ours, theirs } = both([{ type: 'text', name: 'q' }], { nobody: 'asked' });
  assert.deepEqual(ours.failing, ['nobody']);
  assert.deepEqual(theirs, { failing: [], kept: { nobody: 'asked' } });
});

for (const { number, example } of refusals) {
  test(`divergence ${number} is real: SurveyJS takes the answer, we refuse it`, () => {
    const [question, answer] = example;
    const { ours, theirs } = both([question], { q: answer });
    assert.deepEqual(ours.failing, ['q']);
    assert.deepEqual(theirs.failing, []);
  });
}

test('divergence 7 is real: SurveyJS keeps blank answers, and white space is an e-mail address to be checked', () => {
  const kept = both([{ type: 'text', name: 'q' }], { q: '' });
  assert.deepEqual([kept.ours.kept, kept.theirs.kept], [{}, { q: '' }]);
  const checked = both([{ type: 'text', name: 'q', inputType: 'email' }], { q: '  ' });
  assert.deepEqual([checked.ours.failing, checked.theirs.failing], [[], ['q']]);
});

test('divergence 8 is real: SurveyJS does not look at the answers of read-only questions', () => {
  const { ours, theirs } = both([{ type: 'text', name: 'q', inputType: 'number', min: 5, readOnly: true }], { q: 1 });
  assert.deepEqual([ours.failing, theirs.failing], [['q'], []]);
});

test('divergence 9 is real: SurveyJS counts UTF-16 units, we count characters', () => {
  const { ours, theirs } = both([{ type: 'text', name: 'q', validators: [{ type: 'text', maxLength: 1 }] }], {
    q: '\u{1f600}',
  });
  assert.deepEqual([ours.failing, theirs.failing], [[], ['q']]);
});

test('divergence 10 is real: SurveyJS clears an answer that is not offered before conditions see it', () => {
  const asked: FormElement = { type: 'text', name: 'q', visibleIf: '{p} notempty', isRequired: true };
  const { ours, theirs } = both([{ type: 'dropdown', name: 'p', choices: ['a'] }, asked], { p: 'z' });
  assert.deepEqual([ours.failing, theirs.failing], [['p', 'q'], []]);
});

test('the reference lists exactly the divergences that the tests know', async () => {
  const page = await readFile(new URL('../../docs/reference/forms.md', import.meta.url), 'utf8');
  const section = page.split('## Divergences from SurveyJS')[1]!.split('\n## ')[0]!;
  const numbers = [...section.matchAll(/^\| (\d+) \|/gm)].map((row) => Number(row[1]));
  assert.deepEqual(numbers, [1, ...refusals.map((one) => one.number), 7, 8, 9, 10]);
});
