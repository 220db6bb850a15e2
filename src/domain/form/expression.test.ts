import assert from 'node:assert/strict';
import { test } from 'node:test';
import { evaluate, holds, isContent } from './evaluate.ts';
import { type Expression, namesIn, parseExpression, withBlanks } from './expression.ts';

function parsed(source: string): Expression {
  const result = parseExpression(source);
  assert.ok('expression' in result, `${source}: ${JSON.stringify(result)}`);
  return result.expression;
}

function result(source: string, answers: Record<string, unknown> = {}) {
  return evaluate(parsed(source), (name) => answers[name]);
}

test('comparisons read numbers in texts and ignore case, spaces and the order of lists', () => {
  const rows: [string, Record<string, unknown>, boolean][] = [
    ["{a} = 'Red'", { a: ' red ' }, true],
    ['{a} = 5', { a: '5.0' }, true],
    ['{a} <> 5', {}, true],
    ['{a} < 5', {}, false],
    ['{a} <= 5', { a: 5 }, true],
    ["{a} = ['b', 'a']", { a: ['a', 'b'] }, true],
    ["{a} = 'true'", { a: true }, true],
    ["{a} > '2020-01-01'", { a: '2020-01-02' }, true],
    ["{a} = 'it\\'s'", { a: "it's" }, true],
    ['{a} == yes', { a: 'yes' }, true],
    ['{a} => 3 and {a} =< 3', { a: 3 }, true],
  ];
  for (const [source, answers, expected] of rows) assert.equal(result(source, answers), expected, source);
});

test('lists are searched by contains, anyof, allof and noneof', () => {
  const answers = { list: ['a', 'b', 2], text: 'Hello' };
  const rows: [string, boolean][] = [
    ["{list} contains 'A'", true],
    ["{list} contains ['a', 'c']", false],
    ["{list} anyof ['x', '2']", true],
    ["{list} allof ['a', 'b']", true],
    ["{list} noneof ['a', 'x']", false],
    ["{list} notcontains 'z'", true],
    ["{text} contains 'ell'", true],
    ["{nothing} anyof ['x']", false],
    ["{nothing} noneof ['x']", true],
    ["{text} anyof ['hello', 'x']", true],
  ];
  for (const [source, expected] of rows) assert.equal(result(source, answers), expected, source);
});

test('precedence is or, and, comparison, sum, product, power, set, negation', () => {
  assert.equal(result('{a} = 1 or {b} = 1 and {c} = 1', { a: 1 }), true);
  assert.equal(result('({a} = 1 or {b} = 1) and {c} = 1', { a: 1 }), false);
  assert.equal(result('1 + 2 * 3 ^ 2 = 19'), true);
  assert.equal(result('!{a} = true', { a: false }), true);
  assert.equal(result('0.1 + 0.2 = 0.3'), true);
  assert.equal(result('{a} -1 = 2', { a: 3 }), true);
  assert.equal(result('7 % 4 = 3 and 6 / 0 = null'), true);
});

test('a condition holds only for true itself, a validator is content with what equals it', () => {
  assert.equal(
    holds(parsed('{a}'), () => 1),
    false,
  );
  assert.equal(
    isContent(parsed('{a}'), () => 1),
    true,
  );
  assert.equal(
    isContent(parsed('{a}'), () => 'x'),
    false,
  );
});

test('a blank answer is an empty list for a checkbox and nothing for a single choice', () => {
  const types = new Map([
    ['c', 'checkbox'],
    ['d', 'dropdown'],
    ['t', 'text'],
  ]);
  const marked = (source: string) => withBlanks(parsed(source), types);
  assert.deepEqual(
    evaluate(marked('{c}'), () => undefined),
    [],
  );
  assert.equal(
    evaluate(marked('{d}'), () => ''),
    undefined,
  );
  assert.equal(
    evaluate(marked('{t}'), () => ''),
    '',
  );
  assert.equal(
    holds(marked("!({c} contains 'a') and ({d} < 1) = false"), () => null),
    true,
  );
});

test('objects and nested lists count as no answer and none of their functions is called', () => {
  const explode = () => assert.fail('called');
  for (const hostile of [
    { valueOf: 1, toString: 2 },
    { valueOf: explode, toString: explode },
    [[1]],
    [{ $gt: '' }],
    Object.create(null),
  ]) {
    for (const source of [
      '{a} > 3',
      '{a} + 1 = 1',
      "{a} contains 'x'",
      '{a} = {b}',
      "{a} anyof ['x']",
      '{a} * {b} - 2',
      '{a} < {b}',
    ]) {
      assert.equal(typeof holds(parsed(source), () => hostile), 'boolean', source);
    }
    assert.equal(result('{a} empty', { a: hostile }), true);
  }
});

test('what is refused is told with its place and its cure', () => {
  const rows: [string, string, RegExp][] = [
    ['', 'bad-expression', /complete it/],
    ['{a} =', 'bad-expression', /complete it/],
    ['({a} = 1', 'bad-expression', /position 1/],
    ['[1, 2', 'bad-expression', /Close the “\[”/],
    ["{a} = 'x", 'bad-expression', /position 7/],
    ["{a} = 'a\\'", 'bad-expression', /Close the text/],
    ["{a} = 'a\"b'", 'bad-expression', /quotation marks/],
    ['{a} 5', 'bad-expression', /position 5/],
    ['{a} = .5', 'bad-expression', /plain decimals/],
    ['{a} = 1e3', 'bad-expression', /plain decimals/],
    ['{a} = 0x10', 'bad-expression', /plain decimals/],
    ['{a} = é', 'bad-expression', /single quotes/],
    ['{} = 1', 'bad-expression', /braces/],
    ['not {a}', 'bad-expression', /negate/],
    ['{a} = and', 'bad-expression', /Write a value/],
    ['-{a} = 1', 'bad-expression', /Write a value/],
    ['age({a}) > 18', 'unsupported-function', /age/],
    [`{a} = '${'x'.repeat(2000)}'`, 'too-long', /2000/],
    [`${'('.repeat(40)}1${')'.repeat(40)}`, 'too-deep', /32/],
    [`${'!'.repeat(1900)}{a}`, 'too-deep', /32/],
    [Array.from({ length: 40 }, () => '{a}').join(' + '), 'too-deep', /32/],
  ];
  for (const [source, code, detail] of rows) {
    const refused = parseExpression(source);
    assert.ok('problem' in refused, `${source} was taken`);
    assert.equal(refused.problem.code, code, source);
    assert.match(refused.problem.detail, detail, source);
  }
});

test('long chains of and and or are no depth', () => {
  const chain = parsed(Array.from({ length: 150 }, (_, index) => `{q}=${index}`).join(' or '));
  assert.equal(
    holds(chain, () => 149),
    true,
  );
  assert.equal(
    holds(chain, () => 150),
    false,
  );
});

test('names are collected from every part of an expression', () => {
  const names = namesIn(parsed('{a} = 1 and !({b} empty) or [{c}, 2] contains {d} + {e}'));
  assert.deepEqual([...names].sort(), ['a', 'b', 'c', 'd', 'e']);
});
