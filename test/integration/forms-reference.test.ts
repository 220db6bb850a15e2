import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { parseDefinition } from '../../src/domain/form/definition.ts';
import { elementTables } from '../../src/domain/form/element-tables.ts';
import { parseExpression } from '../../src/domain/form/expression.ts';
import { inputRules } from '../../src/domain/form/input-types.ts';
import { limits } from '../../src/domain/form/limits.ts';
import { failureCodes } from '../../src/domain/refusals.ts';

const page = await readFile(new URL('../../docs/reference/forms.md', import.meta.url), 'utf8');

test('the example of the reference is a form that is taken', () => {
  const example = /```json\n([\s\S]+?)```/.exec(page);
  assert.ok(example);
  assert.ok('definition' in parseDefinition(JSON.parse(example[1]!)));
});

test('the examples of conditions in the reference can be read', () => {
  const line = page.split('\nExamples: ')[1]!.split('\n\n')[0]!.replaceAll('\n', ' ');
  const examples = [...line.matchAll(/`([^`]+)`/g)].map((match) => match[1]!);
  assert.ok(examples.length >= 3);
  for (const example of examples) assert.ok('expression' in parseExpression(example), example);
});

test('every element and every inputType stands in the reference', () => {
  for (const type of Object.keys(elementTables)) assert.ok(page.includes(`\`${type}\``), type);
  for (const inputType of Object.keys(inputRules)) assert.ok(page.includes(`\`${inputType}\``), inputType);
});

test('the limits of the reference are those of the code', () => {
  const section = page.split('## Limits')[1]!.split('\n## ')[0]!;
  const expected = [
    `${limits.definitionBytes / 1024} kB`,
    `${limits.definitionDepth} levels`,
    `| ${limits.elements}; panels nested ${limits.panelDepth} deep`,
    `${limits.choices}, each value up to ${limits.choiceLength} characters`,
    `| ${limits.ratings} |`,
    `${limits.expressionLength} characters, ${limits.expressionDepth} levels`,
    `${limits.patternLength} characters`,
    limits.textLength.toLocaleString('en'),
    limits.commentLength.toLocaleString('en'),
  ];
  for (const words of expected) assert.ok(section.includes(words), words);
});

test('the codes of problems stand in the reference, and the reference has no others', async () => {
  const folder = new URL('../../src/', import.meta.url);
  const inFolder = async (path: string) =>
    (await readdir(new URL(path, folder)))
      .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
      .map((file) => path + file);
  const files = [
    ...(await inFolder('domain/form/')),
    ...(await inFolder('adapters/validator-ajv/')),
    'domain/answers.ts',
  ];
  const source = (await Promise.all(files.map((file) => readFile(new URL(file, folder), 'utf8')))).join('\n');
  const raised = new Set([...source.matchAll(/(?:code: |Refusal\()'([a-z-]+)'/g)].map((match) => match[1]!));
  assert.ok(raised.size >= 20, `${raised.size} codes were found`);
  const sections = page.split(/^## /m).filter((section) => section.startsWith('What is wrong'));
  const documented = new Set(
    sections
      .flatMap((section) => [...section.matchAll(/^\| (`.+?) \|/gm)])
      .flatMap((row) => [...row[1]!.matchAll(/`([^`]+)`/g)].map((code) => code[1]!)),
  );
  assert.deepEqual(
    [...raised].filter((code) => !documented.has(code)),
    [],
  );
  assert.deepEqual(
    [...documented].filter((code) => !source.includes(`'${code}'`)),
    [],
  );
});

test('what is wrong with an answer is counted under every code that the reference has for it', () => {
  const section = page.split(/^## /m).find((one) => one.startsWith('What is wrong with an answer'))!;
  const rows = [...section.matchAll(/^\| (`.+?) \|/gm)];
  const documented = rows.flatMap((row) => [...row[1]!.matchAll(/`([^`]+)`/g)].map((code) => code[1]!));
  assert.deepEqual(new Set(failureCodes), new Set([...documented, 'other']));
});
