import type { Issue } from './errors.ts';
import type { CompiledForm } from './form/compiled.ts';
import { isEveryObjects } from './form/names.ts';
import { isWithheld } from './form/withheld.ts';
import type { IntelligenceSpec } from './intelligence.ts';

/** What is wrong with a form's intelligence settings beyond their shape; pointers from the root of the form's body. */
export function intelligenceIssues(spec: IntelligenceSpec, compiled: CompiledForm): Issue[] {
  const issues: Issue[] = [];
  const questions = new Map(compiled.questions.map((question) => [question.name, question]));
  spec.text?.forEach((name, i) => {
    const pointer = `/intelligence/text/${i}`;
    const question = questions.get(name);
    if (!question) {
      const detail = `The form has no question named ${JSON.stringify(name)}.`;
      issues.push({ pointer, code: 'unknown-question', detail });
    } else if (isWithheld(question)) {
      const detail = `${JSON.stringify(name)} is a password, which nothing reads; leave it out.`;
      issues.push({ pointer, code: 'unreadable-question', detail });
    }
  });
  if (spec.text === undefined && compiled.texts.length === 0) {
    issues.push({
      pointer: '/intelligence',
      code: 'no-text',
      detail: 'The form has no free-text question to read; add a comment, or name a question in text.',
    });
  }
  repeated(spec.classify?.labels.map((label) => label.name) ?? []).forEach((i) => {
    issues.push({
      pointer: `/intelligence/classify/labels/${i}/name`,
      code: 'duplicate-name',
      detail: 'Two labels have this name; rename one.',
    });
  });
  const fields = spec.extract?.fields ?? [];
  const lists = { 'classify/labels': spec.classify?.labels ?? [], 'extract/fields': fields };
  for (const [list, entries] of Object.entries(lists)) {
    entries.forEach(({ name }, i) => {
      if (!isEveryObjects(name)) return;
      const detail = `Choose another name: “${name}” has a meaning of its own.`;
      issues.push({ pointer: `/intelligence/${list}/${i}/name`, code: 'reserved-name', detail });
    });
  }
  repeated(fields.map((field) => field.name)).forEach((i) => {
    issues.push({
      pointer: `/intelligence/extract/fields/${i}/name`,
      code: 'duplicate-name',
      detail: 'Two fields have this name; rename one.',
    });
  });
  fields.forEach((field, i) => {
    if (field.type === 'enum' && !field.values?.length) {
      issues.push({
        pointer: `/intelligence/extract/fields/${i}/values`,
        code: 'required',
        detail: 'A field of type enum needs its values.',
      });
    }
  });
  return issues;
}

/** Indexes of the values that stood in the list before. */
function repeated(values: string[]): number[] {
  return values.flatMap((value, i) => (values.indexOf(value) < i ? [i] : []));
}
