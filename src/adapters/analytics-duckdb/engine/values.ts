import {
  type DuckDBArrayType,
  type DuckDBArrayValue,
  type DuckDBBlobValue,
  DuckDBDateValue,
  type DuckDBDecimalType,
  type DuckDBListType,
  type DuckDBListValue,
  type DuckDBMapType,
  type DuckDBMapValue,
  type DuckDBStructType,
  type DuckDBStructValue,
  type DuckDBTimestampTZValue,
  DuckDBTimestampValue,
  type DuckDBType,
  DuckDBTypeId,
  type DuckDBValue,
} from '@duckdb/node-api';
import type { Json } from '#domain/json.ts';
import { Fault } from './faults.ts';

type Convert = (value: DuckDBValue) => Json;

/** Every DECIMAL of so many digits is told from its neighbours by a double. */
const exactDigits = 15;

/** How the values of a type become JSON; docs/reference/sql.md has the table. */
export function converterOf(type: DuckDBType): Convert {
  const convert = plainConverterOf(type);
  return (value) => (value === null ? null : convert(value));
}

function plainConverterOf(type: DuckDBType): Convert {
  switch (type.typeId) {
    case DuckDBTypeId.BOOLEAN:
    case DuckDBTypeId.TINYINT:
    case DuckDBTypeId.SMALLINT:
    case DuckDBTypeId.INTEGER:
    case DuckDBTypeId.UTINYINT:
    case DuckDBTypeId.USMALLINT:
    case DuckDBTypeId.UINTEGER:
    case DuckDBTypeId.VARCHAR:
      return (value) => value as Json;
    case DuckDBTypeId.BIGINT:
    case DuckDBTypeId.UBIGINT:
    case DuckDBTypeId.HUGEINT:
    case DuckDBTypeId.UHUGEINT:
      return integer;
    case DuckDBTypeId.FLOAT:
    case DuckDBTypeId.DOUBLE:
      return (value) => (Number.isFinite(value) ? (value as number) : String(value));
    case DuckDBTypeId.DECIMAL:
      return (type as DuckDBDecimalType).width <= exactDigits ? (value) => Number(String(value)) : String;
    case DuckDBTypeId.DATE:
      return date;
    case DuckDBTypeId.TIMESTAMP:
    case DuckDBTypeId.TIMESTAMP_S:
    case DuckDBTypeId.TIMESTAMP_MS:
    case DuckDBTypeId.TIMESTAMP_NS:
      return localTime;
    case DuckDBTypeId.TIMESTAMP_TZ:
      return (value) => instant((value as DuckDBTimestampTZValue).micros);
    case DuckDBTypeId.BLOB:
      return (value) => Buffer.from((value as DuckDBBlobValue).bytes).toString('base64');
    default:
      return nestedConverterOf(type);
  }
}

function nestedConverterOf(type: DuckDBType): Convert {
  switch (type.typeId) {
    case DuckDBTypeId.LIST: {
      const item = converterOf((type as DuckDBListType).valueType);
      return (value) => (value as DuckDBListValue).items.map(item);
    }
    case DuckDBTypeId.ARRAY: {
      const item = converterOf((type as DuckDBArrayType).valueType);
      return (value) => (value as DuckDBArrayValue).items.map(item);
    }
    case DuckDBTypeId.STRUCT: {
      const { entryNames, entryTypes } = type as DuckDBStructType;
      // Values come by name: of `row(1, 2)`, whose parts have none, only the last one would be told.
      if (new Set(entryNames).size < entryNames.length)
        throw new Fault('query-failed', "A row whose parts have no names cannot be answered; say {'a': 1, 'b': 2}.");
      // The binding makes a JavaScript object by assignment, which keeps no value of this name.
      if (entryNames.includes('__proto__'))
        throw new Fault('query-failed', 'A struct with the key __proto__ cannot be answered; give it another name.');
      const members = entryNames.map((name, i) => ({ name, convert: converterOf(entryTypes[i]!) }));
      return (value) => {
        const { entries } = value as DuckDBStructValue;
        return Object.fromEntries(members.map(({ name, convert }) => [name, convert(entries[name]!)]));
      };
    }
    case DuckDBTypeId.MAP: {
      const { keyType, valueType } = type as DuckDBMapType;
      const [toKey, toValue] = [converterOf(keyType), converterOf(valueType)];
      return (value) => (value as DuckDBMapValue).entries.map(({ key, value }) => [toKey(key), toValue(value)]);
    }
    default:
      return String;
  }
}

function integer(value: DuckDBValue): Json {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : String(value);
}

/** The binding's own text of the two infinite ones is a day in the year 5877642. */
function date(value: DuckDBValue): Json {
  const { days } = value as DuckDBDateValue;
  if (days === DuckDBDateValue.PosInf.days) return 'infinity';
  return days === DuckDBDateValue.NegInf.days ? '-infinity' : String(value);
}

const localTime: Convert = (value) => String(value).replace(/^(\d{4,}-\d{2}-\d{2}) /, '$1T');

/** As the exports write it, with milliseconds; with microseconds where there are some. */
function instant(micros: bigint): string {
  const ms = Number(micros / 1000n);
  if (micros % 1000n === 0n && Math.abs(ms) < 8.64e15) return new Date(ms).toISOString();
  const text = String(localTime(new DuckDBTimestampValue(micros)));
  return /^\d{4,}-/.test(text) ? `${text}Z` : text;
}
