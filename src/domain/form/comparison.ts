/**
 * How SurveyJS compares and calculates: texts that look like numbers are numbers, upper and lower case are the same, surrounding spaces do not
 * count, the order of lists does not matter. The rules follow survey-core 3.1 (MIT) case by case, its oddities included, because the server has to
 * decide like the renderer; test/integration/survey-differential.test.ts compares the two.
 */

/** What an expression works on. A missing answer is undefined. */
export type Value = string | number | boolean | null | undefined | readonly Value[];

/** undefined, null, '', [] and NaN; 0 and false are values. */
export function isBlank(value: Value): boolean {
  if (Array.isArray(value)) return value.length === 0;
  return !value && value !== 0 && value !== false;
}

/** The number that a text or a number stands for (one decimal comma is a point), or NaN. */
export function toNumber(value: Value): number {
  if (typeof value === 'number') return Number.isFinite(value) ? value : Number.NaN;
  if (Array.isArray(value)) return Number.isFinite(Number(value)) ? Number.parseFloat(String(value)) : Number.NaN;
  if (typeof value !== 'string') return Number.NaN;
  const text = value.trim();
  if (!text) return Number.NaN;
  if (text.startsWith('0x')) return text.length > 32 ? Number.NaN : Number.parseInt(text, 16);
  if (text.length > 15 && /^[0-9]+$/.test(text)) return Number.NaN;
  if (hasOperator(text)) return Number.NaN;
  const comma = text.indexOf(',');
  const pointed = comma > -1 && text.indexOf(',', comma + 1) < 0 ? text.replace(',', '.') : text;
  return Number.isFinite(Number(pointed)) ? Number.parseFloat(pointed) : Number.NaN;
}

// An inner sign ends the search for other operators: so it is in survey-core.
function hasOperator(text: string): boolean {
  if (text.lastIndexOf('-') > 0 || text.lastIndexOf('+') > 0) return false;
  return /[*^/%]/.test(text);
}

/** An answer as an expression sees it: texts that look like numbers or booleans become these. */
export function toOperand(value: Value): Value {
  if (typeof value !== 'string' || value === '') return value;
  const lower = value.toLowerCase();
  if (lower === 'true' || lower === 'false') return lower === 'true';
  const first = value[0];
  const last = value[value.length - 1];
  if (value.length > 1 && (first === "'" || first === '"') && (last === "'" || last === '"')) return value.slice(1, -1);
  const number = toNumber(value);
  if (Number.isNaN(number)) return value;
  if (first === '0' && !value.startsWith('0x')) {
    const hasPoint = value.length > 1 && (value[1] === '.' || value[1] === ',');
    if (!hasPoint && value.length > 1) return value;
  }
  return number;
}

export function isEqual(left: Value, right: Value): boolean {
  return sameValue(left === 'undefined' ? undefined : left, right === 'undefined' ? undefined : right, true);
}

function sameValue(left: Value, right: Value, ignoreOrder: boolean): boolean {
  if (left === right) return true;
  if (isEmptyList(left) && right === undefined) return true;
  if (isEmptyList(right) && left === undefined) return true;
  if ((left === undefined || left === null) && right === '') return true;
  if ((right === undefined || right === null) && left === '') return true;
  if (typeof left === 'string' && typeof right === 'string')
    return left.trim().toLowerCase() === right.trim().toLowerCase();
  if (sameNumber(left, right)) return true;
  if (isBlank(left) !== isBlank(right)) return false;
  if (typeof left === 'boolean' && typeof right === 'string') return String(left) === right.toLocaleLowerCase();
  if (typeof right === 'boolean' && typeof left === 'string') return String(right) === left.toLocaleLowerCase();
  if (Array.isArray(left) || Array.isArray(right)) return sameList(left, right, ignoreOrder);
  // biome-ignore lint/suspicious/noDoubleEquals: survey-core compares what is left loosely (true == 1, null == undefined).
  return left == right;
}

function isEmptyList(value: Value): boolean {
  return Array.isArray(value) && value.length === 0;
}

function sameNumber(left: Value, right: Value): boolean {
  if (!looksNumeric(left) || !looksNumeric(right)) return false;
  const [a, b] = [String(left), String(right)];
  return wholePart(a) === wholePart(b) && Number.parseFloat(a) === Number.parseFloat(b);
}

function wholePart(text: string): number {
  return Number.parseInt(text, /^\s*0x/i.test(text) ? 16 : 10);
}

function looksNumeric(value: Value): boolean {
  return value !== undefined && value !== null && !Array.isArray(value) && !Number.isNaN(Number(value));
}

function sameList(left: Value, right: Value, ignoreOrder: boolean): boolean {
  if (!Array.isArray(left) || !Array.isArray(right) || left.length !== right.length) return false;
  const [a, b] = ignoreOrder ? [[...left].sort(), [...right].sort()] : [left, right];
  return a.every((item, index) => sameValue(item, b[index], ignoreOrder));
}

/** Whether a list holds all that `right` is (one value or several), or a text holds the text of `right`; `wanted` false asks the opposite. */
export function contains(left: Value, right: Value, wanted: boolean): boolean {
  if (isEmptyList(left)) return !wanted;
  if (!left && left !== 0 && left !== false) return false;
  if (!Array.isArray(left)) {
    if (!right) return false;
    const found = String(left).toLowerCase().includes(String(right).toLowerCase());
    return wanted ? found : !found;
  }
  const sought: readonly Value[] = Array.isArray(right) ? right : [right];
  const all = sought.every((item) => left.some((member) => isEqual(member, item)));
  return all ? wanted : !wanted;
}

export function anyOf(left: Value, right: Value): boolean {
  if (isBlank(left)) return isBlank(right);
  if (isBlank(right)) return true;
  if (!Array.isArray(left)) return contains(right, left, true);
  if (!Array.isArray(right)) return contains(left, right, true);
  return right.some((item) => contains(left, item, true));
}

export function allOf(left: Value, right: Value): boolean {
  if (!left && !isBlank(right)) return false;
  if (!Array.isArray(right)) return contains(left, right, true);
  return right.every((item) => contains(left, item, true));
}

/** Sum of numbers, or joined texts and lists. Decimal noise of binary fractions (0.1 + 0.2) is rounded away, as in all the operations here. */
export function add(left: Value, right: Value): Value {
  const numbers = !Number.isNaN(toNumber(left)) && !Number.isNaN(toNumber(right));
  if (!numbers && (Array.isArray(left) || Array.isArray(right))) return addLists(left, right);
  // biome-ignore lint/suspicious/noExplicitAny: JavaScript's own + on mixed values is the rule here.
  const sum = (left as any) + (right as any);
  return numbers && typeof sum === 'number' ? rounded(sum, Math.max(decimals(left), decimals(right))) : sum;
}

function addLists(left: Value, right: Value): Value {
  if (Array.isArray(left) && Array.isArray(right)) return [...left, ...right];
  const list = (Array.isArray(left) ? left : right) as readonly Value[];
  const other = Array.isArray(left) ? right : left;
  if (typeof other === 'string') return list === left ? list.join(', ') + other : other + list.join(', ');
  if (typeof other === 'number')
    return list.filter((item) => typeof item === 'number').reduce<number>((sum, item) => Number(add(sum, item)), other);
  return `${left}${right}`;
}

export function subtract(left: Value, right: Value): Value {
  return rounded(Number(left) - Number(right), Math.max(decimals(left), decimals(right)));
}

export function multiply(left: Value, right: Value): Value {
  return rounded(Number(left) * Number(right), decimals(left) + decimals(right));
}

function decimals(value: Value): number {
  if (Number.isNaN(toNumber(value)) || Math.floor(value as number) === value) return 0;
  return String(value).split('.')[1]?.length ?? 0;
}

function rounded(value: number, digits: number): number {
  return digits > 0 ? Number.parseFloat(value.toFixed(Math.min(digits, 100))) : value;
}
