import { type DuckDBPreparedStatement, DuckDBTypeId } from '@duckdb/node-api';
import type { Param, Params } from '#ports/analytics-engine.ts';
import { refuse } from '../guard/refusal.ts';

const numeric: ReadonlySet<DuckDBTypeId> = new Set([
  DuckDBTypeId.TINYINT,
  DuckDBTypeId.SMALLINT,
  DuckDBTypeId.INTEGER,
  DuckDBTypeId.BIGINT,
  DuckDBTypeId.HUGEINT,
  DuckDBTypeId.UTINYINT,
  DuckDBTypeId.USMALLINT,
  DuckDBTypeId.UINTEGER,
  DuckDBTypeId.UBIGINT,
  DuckDBTypeId.UHUGEINT,
  DuckDBTypeId.FLOAT,
  DuckDBTypeId.DOUBLE,
  DuckDBTypeId.DECIMAL,
]);

/** What a parameter must be, where DuckDB knows it before it has the values. A text fits what is written as one: a day, a time, an interval. */
function wanted(type: DuckDBTypeId): 'number' | 'boolean' | 'string' | undefined {
  if (numeric.has(type)) return 'number';
  if (type === DuckDBTypeId.BOOLEAN) return 'boolean';
  return type === DuckDBTypeId.INVALID || type === DuckDBTypeId.ANY ? undefined : 'string';
}

/** Binds the values by their JSON types. Errors: `Refusal` for one that is missing, too many, or of a type that cannot be. */
export function bindParams(statement: DuckDBPreparedStatement, params: Params): void {
  const given = new Map<string, Param>(
    Array.isArray(params) ? params.map((value, i) => [String(i + 1), value]) : Object.entries(params),
  );
  for (let index = 1; index <= statement.parameterCount; index++) {
    const name = statement.parameterName(index);
    const value = given.get(name);
    if (value === undefined) refuse(`The parameter $${name} has no value.`);
    given.delete(name);
    const must = wanted(statement.parameterTypeId(index));
    if (value !== null && must !== undefined && typeof value !== must)
      refuse(`The parameter $${name} is a ${typeof value}, and the query needs a ${must}.`);
    bind(statement, index, value, name);
  }
  const [left] = given.keys();
  if (left !== undefined) refuse(`The query has no parameter $${left}.`);
}

function bind(statement: DuckDBPreparedStatement, index: number, value: Param, name: string): void {
  if (value === null) statement.bindNull(index);
  else if (typeof value === 'string') statement.bindVarchar(index, value);
  else if (typeof value === 'boolean') statement.bindBoolean(index, value);
  else if (typeof value !== 'number' || !Number.isFinite(value))
    refuse(`The parameter $${name} is neither a text, a number, true, false nor null.`);
  else if (Number.isSafeInteger(value)) statement.bindBigInt(index, BigInt(value));
  else statement.bindDouble(index, value);
}
