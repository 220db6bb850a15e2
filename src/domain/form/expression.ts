import { type Token, tokenize } from './expression-tokens.ts';
import { limits } from './limits.ts';

export type Literal = string | number | boolean | null;

const binaryOperators = [
  'equal',
  'notequal',
  'less',
  'lessorequal',
  'greater',
  'greaterorequal',
  'plus',
  'minus',
  'mul',
  'div',
  'mod',
  'power',
  'contains',
  'notcontains',
  'anyof',
  'allof',
  'noneof',
] as const;
export type BinaryOperator = (typeof binaryOperators)[number];

/** A condition in SurveyJS's expression language, as plain JSON. `and` and `or` fold their operands from the left.
 *  `blank` says what a blank answer is to the expression: an empty list for a checkbox, nothing at all for a single choice. */
export type Expression =
  | { op: 'literal'; value: Literal }
  | { op: 'list'; items: Expression[] }
  | { op: 'name'; name: string; blank?: 'list' | 'nothing' }
  | { op: 'negate' | 'empty' | 'notempty'; operand: Expression }
  | { op: 'and' | 'or'; operands: Expression[] }
  | { op: BinaryOperator; left: Expression; right: Expression };

/** Why an expression was refused; `detail` says how to mend it. */
export type ExpressionProblem = {
  code: 'bad-expression' | 'unsupported-function' | 'too-long' | 'too-deep';
  detail: string;
};

/** Parses SurveyJS's expression syntax. Stricter than SurveyJS only in that it refuses functions, `{panel.x}` paths, hexadecimal numbers and
 *  reserved words used as texts; what it accepts it reads in the same way (a text's `=>`, `=<`, `<>`, `equals` are rewritten there too). */
export function parseExpression(source: string): { expression: Expression } | { problem: ExpressionProblem } {
  if (source.length > limits.expressionLength) {
    return refused('too-long', `Shorten the expression to at most ${limits.expressionLength} characters.`);
  }
  const tokens = tokenize(patched(source));
  if ('problem' in tokens) return refused('bad-expression', tokens.problem);
  const reader = createReader(tokens);
  try {
    const expression = readOr(reader, 0);
    const rest = reader.peek();
    if (rest.kind !== 'end')
      throw new Refusal('bad-expression', `Remove or join ${quoted(rest)} at position ${rest.at + 1}.`);
    if (depthOf(expression) > limits.expressionDepth) throw tooDeep();
    return { expression };
  } catch (error) {
    if (error instanceof Refusal) return refused(error.code, error.message);
    throw error;
  }
}

/** The expression with its names marked by the type of their question. */
export function withBlanks(expression: Expression, typeOf: ReadonlyMap<string, string>): Expression {
  const inner = (part: Expression) => withBlanks(part, typeOf);
  if (expression.op === 'name') {
    const blank = blankOf[typeOf.get(expression.name) ?? ''];
    return blank ? { ...expression, blank } : expression;
  }
  if ('operands' in expression) return { ...expression, operands: expression.operands.map(inner) };
  if ('items' in expression) return { ...expression, items: expression.items.map(inner) };
  if ('left' in expression) return { ...expression, left: inner(expression.left), right: inner(expression.right) };
  return 'operand' in expression ? { ...expression, operand: inner(expression.operand) } : expression;
}

const blankOf: Record<string, 'list' | 'nothing'> = { checkbox: 'list', dropdown: 'nothing', radiogroup: 'nothing' };

/** Every name the expression reads, each once. */
export function namesIn(expression: Expression): Set<string> {
  const names = new Set<string>();
  const pending: Expression[] = [expression];
  for (let next = pending.pop(); next; next = pending.pop()) {
    if (next.op === 'name') names.add(next.name);
    pending.push(...childrenOf(next));
  }
  return names;
}

function childrenOf(expression: Expression): Expression[] {
  if ('operands' in expression) return expression.operands;
  if ('items' in expression) return expression.items;
  if ('left' in expression) return [expression.left, expression.right];
  return 'operand' in expression ? [expression.operand] : [];
}

function depthOf(expression: Expression): number {
  return 1 + Math.max(0, ...childrenOf(expression).map(depthOf));
}

class Refusal extends Error {
  readonly code: ExpressionProblem['code'];
  constructor(code: ExpressionProblem['code'], detail: string) {
    super(detail);
    this.code = code;
  }
}

function tooDeep(): Refusal {
  return new Refusal('too-deep', `Nest the expression at most ${limits.expressionDepth} levels deep.`);
}

function refused(code: ExpressionProblem['code'], detail: string): { problem: ExpressionProblem } {
  return { problem: { code, detail } };
}

// SurveyJS rewrites these before it parses, also inside quoted texts: the server must read what the renderer reads.
function patched(source: string): string {
  return source
    .replaceAll('=>', '>=')
    .replaceAll('=<', '<=')
    .replaceAll('<>', '!=')
    .replaceAll('equals', 'equal ')
    .replaceAll('notequals', 'notequal ');
}

type Reader = { peek(): Token; next(): Token; takeOperator(table: Record<string, string>): string | undefined };

function createReader(tokens: Token[]): Reader {
  let position = 0;
  const peek = () => tokens[position]!;
  return {
    peek,
    next() {
      const token = peek();
      if (token.kind !== 'end') position += 1;
      return token;
    },
    takeOperator(table) {
      const token = peek();
      if (token.kind !== 'symbol' && token.kind !== 'word') return undefined;
      const key = token.text.toLowerCase();
      const operator = Object.hasOwn(table, key) ? table[key] : undefined;
      if (operator !== undefined) position += 1;
      return operator;
    },
  };
}

const orSigns = { or: 'or', '||': 'or' };
const andSigns = { and: 'and', '&&': 'and' };
const comparisonSigns = {
  '<=': 'lessorequal',
  lessorequal: 'lessorequal',
  '>=': 'greaterorequal',
  greaterorequal: 'greaterorequal',
  '==': 'equal',
  '=': 'equal',
  equal: 'equal',
  '!=': 'notequal',
  notequal: 'notequal',
  '<': 'less',
  less: 'less',
  '>': 'greater',
  greater: 'greater',
};
const sumSigns = { '+': 'plus', '-': 'minus' };
const productSigns = { '*': 'mul', '/': 'div', '%': 'mod' };
const powerSigns = { '^': 'power', power: 'power' };
const setSigns = {
  '*=': 'contains',
  contains: 'contains',
  contain: 'contains',
  notcontains: 'notcontains',
  notcontain: 'notcontains',
  anyof: 'anyof',
  allof: 'allof',
  noneof: 'noneof',
};
const emptySigns = { empty: 'empty', notempty: 'notempty' };
const negateSigns = { '!': 'negate', negate: 'negate' };
const literalWords: Record<string, Literal> = { true: true, false: false, null: null, undefined: null };
const reserved = new Set(
  [orSigns, andSigns, comparisonSigns, powerSigns, setSigns, emptySigns, negateSigns, { not: 1 }].flatMap((table) =>
    Object.keys(table),
  ),
);

type Level = (reader: Reader, depth: number) => Expression;

const readOr: Level = (reader, depth) => readChain(reader, depth, orSigns, readAnd, 'or');
const readAnd: Level = (reader, depth) => readChain(reader, depth, andSigns, readComparison, 'and');
const readComparison: Level = (reader, depth) => readBinary(reader, depth, comparisonSigns, readSum);
const readSum: Level = (reader, depth) => readBinary(reader, depth, sumSigns, readProduct);
const readProduct: Level = (reader, depth) => readBinary(reader, depth, productSigns, readPower);
const readPower: Level = (reader, depth) => readBinary(reader, depth, powerSigns, readSet);
const readSet: Level = (reader, depth) => readBinary(reader, depth, setSigns, readFactor);

function readChain(
  reader: Reader,
  depth: number,
  signs: Record<string, string>,
  next: Level,
  op: 'and' | 'or',
): Expression {
  const operands = [next(reader, depth)];
  while (reader.takeOperator(signs)) operands.push(next(reader, depth));
  return operands.length === 1 ? operands[0]! : { op, operands };
}

function readBinary(reader: Reader, depth: number, signs: Record<string, string>, next: Level): Expression {
  let left = next(reader, depth);
  for (let op = reader.takeOperator(signs); op; op = reader.takeOperator(signs)) {
    left = { op: op as BinaryOperator, left, right: next(reader, depth) };
  }
  return left;
}

function readFactor(reader: Reader, depth: number): Expression {
  if (depth > limits.expressionDepth) throw tooDeep();
  if (reader.takeOperator(negateSigns)) return { op: 'negate', operand: readFactor(reader, depth + 1) };
  const token = reader.next();
  if (token.kind === 'symbol' && token.text === '(') {
    const inner = readOr(reader, depth + 1);
    expectSymbol(reader, ')', token);
    return inner;
  }
  if (token.kind === 'symbol' && token.text === '[') return readList(reader, depth + 1, token);
  const atom = readAtom(reader, token);
  const test = reader.takeOperator(emptySigns);
  return test ? { op: test as 'empty' | 'notempty', operand: atom } : atom;
}

function readList(reader: Reader, depth: number, open: Token): Expression {
  const items: Expression[] = [];
  const first = reader.peek();
  if (first.kind !== 'symbol' || first.text !== ']') {
    do items.push(readOr(reader, depth));
    while (reader.takeOperator({ ',': ',' }));
  }
  expectSymbol(reader, ']', open);
  return { op: 'list', items };
}

function readAtom(reader: Reader, token: Token): Expression {
  switch (token.kind) {
    case 'name':
      return { op: 'name', name: token.text };
    case 'string':
      return { op: 'literal', value: token.text };
    case 'number':
      return { op: 'literal', value: Number.parseFloat(token.text) };
    case 'word':
      return readWord(reader, token);
    case 'symbol':
      return readNegativeNumber(reader, token);
    case 'end':
      throw new Refusal('bad-expression', 'The expression ends where a value is expected: complete it.');
  }
}

function readNegativeNumber(reader: Reader, token: Token): Expression {
  const number = reader.peek();
  if (token.text === '-' && number.kind === 'number' && number.at === token.at + 1) {
    reader.next();
    return { op: 'literal', value: -Number.parseFloat(number.text) };
  }
  throw new Refusal('bad-expression', `Write a value instead of ${quoted(token)} at position ${token.at + 1}.`);
}

function readWord(reader: Reader, token: Token): Expression {
  const following = reader.peek();
  const lower = token.text.toLowerCase();
  const spelled = lower === 'null' || lower === 'undefined' ? token.text : lower;
  if (Object.hasOwn(literalWords, spelled)) return { op: 'literal', value: literalWords[spelled]! };
  if (lower === 'not') throw new Refusal('bad-expression', 'Write `!` or `negate` instead of `not`.');
  if (reserved.has(lower))
    throw new Refusal('bad-expression', `Write a value instead of ${quoted(token)} at position ${token.at + 1}.`);
  if (following.kind === 'symbol' && following.text === '(') {
    throw new Refusal('unsupported-function', `Functions are not supported: replace ${token.text}(…) by operators.`);
  }
  return { op: 'literal', value: token.text };
}

function expectSymbol(reader: Reader, symbol: string, open: Token): void {
  if (!reader.takeOperator({ [symbol]: symbol })) {
    throw new Refusal('bad-expression', `Close the ${quoted(open)} at position ${open.at + 1} by “${symbol}”.`);
  }
}

function quoted(token: Token): string {
  return `“${token.text}”`;
}
