import { longestRange } from '#domain/analyst-functions.ts';
import type { Json } from '#domain/json.ts';
import { refuse } from './refusal.ts';
import { list, type Tree, text, tree } from './tree.ts';

const dayMs = 86_400_000;
const unitMs: Record<string, number> = {
  microsecond: 0.001,
  millisecond: 1,
  second: 1000,
  minute: 60_000,
  hour: 3_600_000,
  day: dayMs,
  week: 7 * dayMs,
  // A short one: the count is never taken for lower than it is.
  month: 28 * dayMs,
  quarter: 89 * dayMs,
  year: 365 * dayMs,
};

/** `range` and `generate_series` with constants only, and not too long. Errors: `Refusal`. */
export function checkRange(call: Tree): void {
  const name = text(call.function_name).toLowerCase();
  if (name !== 'range' && name !== 'generate_series') return;
  const values = list(call.children).map(constantOf);
  if (values.some((value) => value === undefined))
    refuse(`${name} takes constants only: numbers, or two days such as DATE '2026-01-31' and an INTERVAL.`);
  const [first = 0, second, step = 1] = values as number[];
  const [from, to] = second === undefined ? [0, first] : [first, second];
  const count = Math.abs(to - from) / Math.abs(step);
  if (!(count <= longestRange)) refuse(`${name} makes at most ${longestRange} values.`);
}

/** A number; of a time its milliseconds since 1970, of an interval its milliseconds. Undefined for everything else. */
function constantOf(value: Json): number | undefined {
  const part = tree(value);
  if (part.class === 'CONSTANT') return numberOf(tree(part.value));
  if (part.class === 'CAST') return castOf(part);
  if (part.class !== 'FUNCTION') return undefined;
  const unit = /^to_([a-z]+?)s?$/.exec(text(part.function_name))?.[1] ?? '';
  const [of, ...more] = list(part.children);
  if (!Object.hasOwn(unitMs, unit) || of === undefined || more.length > 0) return undefined;
  const amount = amountOf(tree(of));
  return amount === undefined ? undefined : amount * unitMs[unit]!;
}

function numberOf(constant: Tree): number | undefined {
  const type = tree(constant.type);
  if (typeof constant.value !== 'number' || constant.is_null !== false) return undefined;
  return type.id === 'DECIMAL' ? undefined : constant.value;
}

/** INTERVAL 7 DAY is parsed as to_days(CAST(trunc(CAST(7 AS DOUBLE)) AS INTEGER)). */
function amountOf(part: Tree): number | undefined {
  if (part.class === 'CONSTANT') {
    const constant = tree(part.value);
    if (typeof constant.value === 'string' && /^-?\d{1,9}$/.test(constant.value)) return Number(constant.value);
    return numberOf(constant);
  }
  if (part.class === 'CAST') return amountOf(tree(part.child));
  if (part.class === 'FUNCTION' && part.function_name === 'trunc') return amountOf(tree(list(part.children)[0]));
  return undefined;
}

function castOf(part: Tree): number | undefined {
  const id = text(tree(part.cast_type).id);
  const child = tree(part.child);
  const constant = child.class === 'CONSTANT' ? tree(child.value).value : undefined;
  if (typeof constant !== 'string') return undefined;
  if (id === 'INTERVAL') return intervalOf(constant);
  if (id !== 'DATE' && id !== 'TIMESTAMP' && id !== 'TIMESTAMP WITH TIME ZONE') return undefined;
  if (!/^\d{4}-\d{2}-\d{2}(?:[ T]\d{2}:\d{2}(?::\d{2})?)?$/.test(constant)) return undefined;
  const ms = Date.parse(`${constant.slice(0, 10)}T${constant.slice(11) || '00:00'}Z`);
  return Number.isNaN(ms) ? undefined : ms;
}

function intervalOf(words: string): number | undefined {
  const [, amount, unit] = /^\s*(-?\d{1,9})\s+([a-z]+?)s?\s*$/i.exec(words) ?? [];
  if (amount === undefined || !Object.hasOwn(unitMs, unit!.toLowerCase())) return undefined;
  return Number(amount) * unitMs[unit!.toLowerCase()]!;
}
