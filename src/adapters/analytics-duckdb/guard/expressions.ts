import { analystFunctions, clockFunctions, deepestTree } from '#domain/analyst-functions.ts';
import { checkRange } from './ranges.ts';
import { refuse } from './refusal.ts';
import {
  type Check,
  checkShape,
  each,
  maybe,
  nothing,
  plain,
  refuseUnknown,
  type Shape,
  shaped,
  text,
  tree,
} from './tree.ts';
import { checkType, checkValue } from './types.ts';

const functions: ReadonlySet<string> = new Set(Object.values(analystFunctions).flat());

/** Checks an expression and everything in it. Errors: `Refusal`. */
export const checkExpression: Check = (value, place) => {
  if (place.depth > deepestTree) refuse(`Expressions stand within expressions more than ${deepestTree} deep.`);
  const part = tree(value);
  const kind = text(part.class);
  const shape = Object.hasOwn(shapes, kind) ? shapes[kind]! : refuseUnknown(kind);
  checkShape(part, { class: plain, alias: plain, type: plain, ...shape }, { ...place, depth: place.depth + 1 });
  if (kind === 'OPERATOR' && !operators.has(text(part.type))) refuseUnknown(text(part.type));
  if (kind === 'FUNCTION') checkRange(part);
};

const expression: Check = (value, place) => checkExpression(value, place);
const expressions = each(expression);

export const checkOrders = each(shaped({ type: plain, null_order: plain, expression }));

/** Operators that DuckDB knows by kind, not as functions. */
const operators: ReadonlySet<string> = new Set([
  'OPERATOR_NOT',
  'OPERATOR_IS_NULL',
  'OPERATOR_IS_NOT_NULL',
  'OPERATOR_COALESCE',
  'OPERATOR_NULLIF',
  'OPERATOR_TRY',
  'OPERATOR_UNPACK',
  'COMPARE_IN',
  'COMPARE_NOT_IN',
  'ARRAY_EXTRACT',
  'ARRAY_SLICE',
  'ARRAY_CONSTRUCTOR',
  'STRUCT_EXTRACT',
  'GROUPING_FUNCTION',
]);

const checkName: Check = (value, { found }) => {
  const name = text(value).toLowerCase();
  if (clockFunctions.has(name)) found.repeatable = false;
  if (!functions.has(name))
    refuse(`The function ${name} may not be called here. docs/reference/sql.md lists those that may.`);
};

/** The parser writes `main` where the syntax itself means a function: [1, 2] is main.list_value. */
const checkSchema: Check = (value) => {
  if (value !== '' && value !== 'main')
    refuse(
      `Call a function by its name alone: write f(x) in the place of ${text(value)}.f() or of a schema before it.`,
    );
};

const call: Shape = { function_name: checkName, schema: checkSchema, catalog: nothing, children: expressions };

const hidden = /^(?:information_schema|pg_catalog|pg_.*|duckdb_.*|sqlite_.*|system|temp|main)$/;
/** Names that DuckDB takes for a function when no column has them. */
const sessionNames: ReadonlySet<string> = new Set(
  'user current_user session_user current_role current_catalog current_database current_schema'.split(' '),
);

const checkColumnNames: Check = (value, { found }) => {
  const names = Array.isArray(value) ? value.map((name) => text(name).toLowerCase()) : [];
  if (names.length > 1 && hidden.test(names[0]!)) refuse(`${names[0]} is not for queries here.`);
  if (names.length === 1 && sessionNames.has(names[0]!))
    refuse(`${names[0]} asks for the session. Put a column of that name behind its table: t.${names[0]}.`);
  if (names.length === 1 && clockNames.has(names[0]!)) found.repeatable = false;
};
const clockNames: ReadonlySet<string> = new Set(
  'current_date current_time current_timestamp localtime localtimestamp'.split(' '),
);

const column = shaped({ catalog: nothing, schema: nothing, table: plain, column: plain });
/** A query within a query. */
export const checkSubquery = shaped({
  node: (value, place) => place.checkNode(value, place),
  named_param_map: each(shaped({ key: plain, value: plain })),
});
const checkParam: Check = (value, { found }) => void found.params.add(text(value));

const shapes: { [kind: string]: Shape } = {
  COLUMN_REF: { column_names: checkColumnNames },
  CONSTANT: { value: checkValue },
  PARAMETER: { identifier: checkParam },
  FUNCTION: {
    ...call,
    filter: maybe(expression),
    order_bys: shaped({ type: plain, orders: checkOrders }),
    distinct: plain,
    is_operator: plain,
    export_state: nothing,
  },
  WINDOW: {
    ...call,
    partitions: expressions,
    orders: checkOrders,
    arg_orders: checkOrders,
    start: plain,
    end: plain,
    start_expr: maybe(expression),
    end_expr: maybe(expression),
    offset_expr: maybe(expression),
    default_expr: maybe(expression),
    filter_expr: maybe(expression),
    ignore_nulls: plain,
    exclude_clause: plain,
    distinct: plain,
  },
  COMPARISON: { left: expression, right: expression },
  CONJUNCTION: { children: expressions },
  OPERATOR: { children: expressions },
  BETWEEN: { input: expression, lower: expression, upper: expression },
  CASE: { case_checks: each(shaped({ when_expr: expression, then_expr: expression })), else_expr: expression },
  CAST: { child: expression, cast_type: checkType, try_cast: plain },
  COLLATE: {
    child: expression,
    collation: (value) => {
      if (!/^[a-z_]+(?:\.[a-z_]+)*$/i.test(text(value))) refuseUnknown('COLLATE');
    },
  },
  LAMBDA: { lhs: expression, expr: expression },
  POSITIONAL_REFERENCE: { index: plain },
  STAR: {
    relation_name: plain,
    exclude_list: each(plain),
    qualified_exclude_list: each(column),
    replace_list: each(shaped({ key: plain, value: expression })),
    rename_list: each(shaped({ key: column, value: plain })),
    columns: plain,
    expr: maybe(expression),
  },
  SUBQUERY: { subquery_type: plain, subquery: checkSubquery, child: maybe(expression), comparison_type: plain },
};
