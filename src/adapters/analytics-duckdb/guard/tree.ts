import type { Json } from '#domain/json.ts';
import { refuse } from './refusal.ts';

/** A part of what `json_serialize_sql` gives. */
export type Tree = { [field: string]: Json };

/** Reads what `json_serialize_sql` gives: JSON, but for a number that no DOUBLE can be (`1e400`), which it writes as a bare word. */
export function parsedTree(json: string): Tree {
  return JSON.parse(json.replace(/"(?:[^"\\]|\\.)*"|Infinity/g, (found) => (found === 'Infinity' ? '1e999' : found)));
}

/** What the walk knows where it stands. */
export type Place = {
  /** Names of the tables and of the queries of WITH that may be read here, in lower case. */
  tables: ReadonlySet<string>;
  depth: number;
  found: Found;
  /** Of a query, for the expressions that hold one. */
  checkNode: Check;
};

export type Found = { params: Set<string>; repeatable: boolean };

export type Check = (value: Json, place: Place) => void;

/** The fields that a part may have, each with what may stand there. */
export type Shape = { [field: string]: Check };

/** A value that does nothing: a name, a flag, the place in the text. */
export const plain: Check = (value) => {
  if (value !== null && typeof value === 'object') refuseUnknown('a value');
};

export const oneOf = (...values: Json[]): Check => {
  return (value) => {
    if (!values.includes(value)) refuseUnknown(String(value));
  };
};

export const nothing: Check = (value) => {
  const empty = value === null || value === '' || value === false || (Array.isArray(value) && value.length === 0);
  if (!empty) refuseUnknown('a part');
};

export const maybe =
  (check: Check): Check =>
  (value, place) => {
    if (value !== null) check(value, place);
  };

export const each =
  (check: Check): Check =>
  (value, place) => {
    for (const item of list(value)) check(item, place);
  };

export const shaped =
  (shape: Shape): Check =>
  (value, place) =>
    checkShape(tree(value), shape, place);

/** A field that the shape does not name is refused: a later DuckDB may have learned something new. */
export function checkShape(part: Tree, shape: Shape, place: Place): void {
  for (const [field, value] of Object.entries(part)) {
    if (field === 'query_location') continue;
    const check = Object.hasOwn(shape, field) ? shape[field]! : refuseUnknown(field);
    check(value, place);
  }
}

export function tree(value: Json | undefined): Tree {
  return value !== null && typeof value === 'object' && !Array.isArray(value) ? value : refuseUnknown('a part');
}

export function list(value: Json | undefined): Json[] {
  return Array.isArray(value) ? value : refuseUnknown('a part');
}

export function text(value: Json | undefined): string {
  return typeof value === 'string' ? value : refuseUnknown('a part');
}

export function refuseUnknown(what: string): never {
  return refuse(
    `This kind of query is not known here (${what}). Write it with SELECT, FROM, WHERE, GROUP BY and ORDER BY.`,
  );
}
