import {
  add,
  allOf,
  anyOf,
  contains,
  isBlank,
  isEqual,
  multiply,
  subtract,
  toOperand,
  type Value,
} from './comparison.ts';
import type { BinaryOperator, Expression } from './expression.ts';

/** Whether a visibleIf or requiredIf holds: its result must be `true` itself. */
export function holds(condition: Expression, read: Read): boolean {
  return evaluate(condition, read) === true;
}

/** Whether the expression of a validator is content: its result must equal `true`, so that the number 1 will do. */
export function isContent(expression: Expression, read: Read): boolean {
  // biome-ignore lint/suspicious/noDoubleEquals: survey-core compares loosely here, and only here.
  return (evaluate(expression, read) as unknown) == true;
}

/** Gives the raw answer to a question, undefined where there is none. */
type Read = (name: string) => unknown;

/** The result of an expression as SurveyJS calculates it. Never throws for any JSON value as an answer. */
export function evaluate(expression: Expression, read: Read): Value {
  switch (expression.op) {
    case 'literal':
      return expression.value;
    case 'list':
      return expression.items.map((item) => evaluate(item, read));
    case 'name':
      return answerOf(expression, read);
    case 'empty':
      return isBlank(evaluate(expression.operand, read));
    case 'notempty':
      return !isBlank(evaluate(expression.operand, read));
    case 'negate':
      return !evaluate(expression.operand, read);
    case 'and':
    case 'or':
      return fold(expression.op, expression.operands, read);
    default:
      return binary(expression.op, evaluate(expression.left, read), evaluate(expression.right, read));
  }
}

function answerOf(name: Expression & { op: 'name' }, read: Read): Value {
  const value = toOperand(readable(read(name.name)));
  if (name.blank === undefined || (value !== undefined && value !== null && value !== '')) return value;
  return name.blank === 'list' ? [] : undefined;
}

// Objects and nested lists fit no question: they count as no answer, so that no `valueOf` or `toString` of a hostile answer is ever called.
function readable(raw: unknown): Value {
  if (Array.isArray(raw)) return raw.every(isScalar) ? (raw as Value[]) : undefined;
  return isScalar(raw) ? raw : undefined;
}

function isScalar(raw: unknown): raw is string | number | boolean | null {
  return raw === null || typeof raw === 'string' || typeof raw === 'number' || typeof raw === 'boolean';
}

function fold(op: 'and' | 'or', operands: Expression[], read: Read): Value {
  let left = evaluate(operands[0]!, read);
  for (let index = 1; index < operands.length; index += 1) {
    const [a, b] = filledIn(left, evaluate(operands[index]!, read));
    left = op === 'and' ? a && b : a || b;
  }
  return left;
}

// Where one side is blank, SurveyJS calculates with a zero, an empty text or an empty list, after the kind of the other side.
function filledIn(left: Value, right: Value): [Value, Value] {
  const a = filled(left, right);
  return [a, filled(right, a)];
}

function filled(value: Value, other: Value): Value {
  if (!isBlank(value)) return value;
  if (typeof other === 'number') return 0;
  if (typeof value === 'string') return value;
  if (typeof other === 'string') return '';
  return Array.isArray(other) ? [] : 0;
}

function binary(op: BinaryOperator, left: Value, right: Value): Value {
  switch (op) {
    case 'equal':
      return isEqual(left, right);
    case 'notequal':
      return !isEqual(left, right);
    case 'greater':
      return isGreater(left, right);
    case 'greaterorequal':
      return isEqual(left, right) || isGreater(left, right);
    case 'less':
      return isGreater(right, left);
    case 'lessorequal':
      return isEqual(left, right) || isGreater(right, left);
    case 'contains':
      return contains(left, right, true);
    case 'notcontains':
      return (!left && !isBlank(right)) || contains(left, right, false);
    case 'anyof':
      return anyOf(left, right);
    case 'noneof':
      return !anyOf(left, right);
    case 'allof':
      return allOf(left, right);
    default:
      return calculated(op, ...filledIn(left, right));
  }
}

function isGreater(left: Value, right: Value): boolean {
  if (left === null || left === undefined || right === null || right === undefined) return false;
  return left > right;
}

function calculated(op: 'plus' | 'minus' | 'mul' | 'div' | 'mod' | 'power', left: Value, right: Value): Value {
  switch (op) {
    case 'plus':
      return add(left, right);
    case 'minus':
      return subtract(left, right);
    case 'mul':
      return multiply(left, right);
    case 'div':
      return right ? Number(left) / Number(right) : null;
    case 'mod':
      return right ? Number(left) % Number(right) : null;
    case 'power':
      return Number(left) ** Number(right);
  }
}
