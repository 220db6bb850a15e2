import { analystTableFunctions, deepestTree } from '#domain/analyst-functions.ts';
import { checkExpression, checkOrders, checkSubquery } from './expressions.ts';
import { refuse } from './refusal.ts';
import {
  type Check,
  checkShape,
  each,
  list,
  maybe,
  nothing,
  oneOf,
  type Place,
  plain,
  refuseUnknown,
  type Shape,
  shaped,
  type Tree,
  text,
  tree,
} from './tree.ts';

/** Checks a query: a SELECT, two of them put together, or one of WITH RECURSIVE. Errors: `Refusal`. */
export const checkNode: Check = (value, place) => {
  if (place.depth > deepestTree) refuse(`Queries stand within queries more than ${deepestTree} deep.`);
  const part = tree(value);
  const kind = text(part.type);
  const shape = Object.hasOwn(nodes, kind) ? nodes[kind]! : refuseUnknown(kind);
  let inner: Place = { ...place, depth: place.depth + 1 };
  inner = { ...inner, tables: withTables(tree(part.cte_map), inner) };
  if (kind === 'RECURSIVE_CTE_NODE') inner = { ...inner, tables: plus(inner.tables, text(part.cte_name)) };
  checkShape(part, { type: plain, cte_map: () => {}, modifiers: each(checkModifier), ...shape }, inner);
};

/** Checks the queries of WITH, each of which sees those before it, and gives the tables that can be read after them. */
function withTables(map: Tree, place: Place): ReadonlySet<string> {
  let { tables } = place;
  for (const entry of list(map.map)) {
    const { key, value, ...rest } = tree(entry);
    if (Object.keys(rest).length > 0) refuseUnknown('WITH');
    const name = text(key);
    // A name like a file's or a catalog's would mean that one wherever the query of WITH is out of sight.
    if (!/^[a-z_][a-z0-9_]*$/i.test(name) || /^(?:duckdb_|pg_|pragma_|sqlite_|information_schema)/i.test(name))
      refuse(`WITH needs a name of letters, digits and underscores, and none of DuckDB's own: ${name.slice(0, 60)}`);
    const shape = {
      aliases: each(plain),
      materialized: plain,
      key_targets: each(checkExpression),
      query: checkSubquery,
    };
    checkShape(tree(value), shape, { ...place, tables });
    tables = plus(tables, name);
  }
  return tables;
}

const plus = (tables: ReadonlySet<string>, name: string) => new Set([...tables, name.toLowerCase()]);

const expression: Check = (value, place) => checkExpression(value, place);
const node: Check = (value, place) => checkNode(value, place);
const limit: Shape = { type: plain, limit: maybe(expression), offset: maybe(expression) };
const modifiers: { [kind: string]: Shape } = {
  ORDER_MODIFIER: { type: plain, orders: (value, place) => checkOrders(value, place) },
  LIMIT_MODIFIER: limit,
  LIMIT_PERCENT_MODIFIER: limit,
  DISTINCT_MODIFIER: { type: plain, distinct_on_targets: each(expression) },
};
const checkModifier: Check = (value, place) => {
  const part = tree(value);
  const kind = text(part.type);
  checkShape(part, Object.hasOwn(modifiers, kind) ? modifiers[kind]! : refuseUnknown(kind), place);
};

const sample: Check = (value, place) => {
  if (value === null) return;
  const seed = tree(value).seed;
  // Without REPEATABLE (seed) it draws others each time.
  if (seed === -1) place.found.repeatable = false;
  checkShape(tree(value), { sample_size: plainValue, is_percentage: plain, method: plain, seed: plain }, place);
};
const plainValue = shaped({ type: shaped({ id: plain, type_info: () => {} }), is_null: plain, value: plain });

const nodes: { [kind: string]: Shape } = {
  SELECT_NODE: {
    select_list: each(expression),
    from_table: (value, place) => checkTable(value, place),
    where_clause: maybe(expression),
    group_expressions: each(expression),
    group_sets: each(each(plain)),
    aggregate_handling: plain,
    having: maybe(expression),
    qualify: maybe(expression),
    sample,
  },
  SET_OPERATION_NODE: { setop_type: plain, setop_all: plain, left: node, right: node, children: each(node) },
  RECURSIVE_CTE_NODE: {
    cte_name: plain,
    union_all: plain,
    left: node,
    right: node,
    aliases: each(plain),
    key_targets: each(expression),
  },
};

const checkTable: Check = (value, place) => {
  if (place.depth > deepestTree) refuse(`Tables are joined more than ${deepestTree} deep.`);
  const part = tree(value);
  const kind = text(part.type);
  const shape = Object.hasOwn(sources, kind) ? sources[kind]! : refuseSource(kind);
  checkShape(part, { type: plain, alias: plain, sample, ...shape }, { ...place, depth: place.depth + 1 });
};

function refuseSource(kind: string): never {
  if (kind === 'PIVOT')
    refuse('PIVOT and UNPIVOT are not for queries here: write count(*) FILTER (WHERE …) for each column.');
  if (kind === 'SHOW_REF') refuse('SHOW, DESCRIBE and SUMMARIZE are not for queries here.');
  return refuseUnknown(kind);
}

const checkTableName: Check = (value, { tables }) => {
  const name = text(value);
  if (!tables.has(name.toLowerCase())) refuse(`There is no table ${name.slice(0, 100)} to read here.`);
};
const noSchema: Check = (value) => {
  if (value !== '')
    refuse(`Name a table without a schema before it: ${text(value).slice(0, 100)} is not for queries here.`);
};

const checkTableFunction: Check = (value, place) => {
  const name = text(tree(value).function_name).toLowerCase();
  if (!(analystTableFunctions as readonly string[]).includes(name))
    refuse(`${name} may not be read from: FROM takes the tables, queries and ${analystTableFunctions.join(', ')}.`);
  checkExpression(value, place);
};

const sources: { [kind: string]: Shape } = {
  EMPTY: {},
  BASE_TABLE: {
    table_name: checkTableName,
    schema_name: noSchema,
    catalog_name: noSchema,
    column_name_alias: each(plain),
    at_clause: nothing,
  },
  SUBQUERY: { subquery: (value, place) => checkSubquery(value, place), column_name_alias: each(plain) },
  EXPRESSION_LIST: { expected_names: each(plain), expected_types: nothing, values: each(each(expression)) },
  TABLE_FUNCTION: { function: checkTableFunction, column_name_alias: each(plain), with_ordinality: plain },
  JOIN: {
    left: (value, place) => checkTable(value, place),
    right: (value, place) => checkTable(value, place),
    condition: maybe(expression),
    join_type: plain,
    ref_type: oneOf('REGULAR', 'NATURAL', 'CROSS', 'POSITIONAL', 'ASOF'),
    using_columns: each(plain),
    delim_flipped: plain,
    duplicate_eliminated_columns: nothing,
  },
};
