import { refuse } from './refusal.ts';
import { type Check, each, list, nothing, plain, shaped, text, tree } from './tree.ts';

const scalars: ReadonlySet<string> = new Set([
  ...[
    'NULL',
    'BOOLEAN',
    'VARCHAR',
    'BLOB',
    'UUID',
    'DATE',
    'TIME',
    'TIMESTAMP',
    'TIMESTAMP_S',
    'TIMESTAMP_MS',
    'TIMESTAMP_NS',
  ],
  ...['TIMESTAMP WITH TIME ZONE', 'TIME WITH TIME ZONE', 'INTERVAL', 'FLOAT', 'DOUBLE', 'DECIMAL'],
  ...[
    'TINYINT',
    'SMALLINT',
    'INTEGER',
    'BIGINT',
    'HUGEINT',
    'UTINYINT',
    'USMALLINT',
    'UINTEGER',
    'UBIGINT',
    'UHUGEINT',
  ],
]);

/** A type to cast to. Left out are those that look something up (regclass), make something (ENUM) or have no place in an answer (VARIANT, GEOMETRY). */
export const checkType: Check = (value, place) => {
  const type = tree(value);
  const id = text(type.id);
  const inner = { ...place, depth: place.depth + 1 };
  if (scalars.has(id)) return;
  const info = tree(type.type_info);
  if (id === 'LIST' || id === 'ARRAY' || id === 'MAP') return checkType(info.child_type!, inner);
  if (id === 'STRUCT') {
    for (const child of list(info.child_types)) checkType(tree(child).second!, inner);
    return;
  }
  if (id === 'UNBOUND' && text(info.name).toLowerCase() === 'json' && info.catalog === '' && info.schema === '') return;
  refuse(`A cast to ${id === 'UNBOUND' ? text(info.name) : id} is not possible here.`);
};

/** A literal. */
export const checkValue = shaped({
  type: checkType,
  is_null: plain,
  value: (value, place) => {
    if (Array.isArray(value)) each(nothing)(value, place);
  },
});
