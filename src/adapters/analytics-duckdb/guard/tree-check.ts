import { checkNode } from './queries.ts';
import { refuse } from './refusal.ts';
import { type Found, list, type Tree, text, tree } from './tree.ts';

/**
 * Checks what `json_serialize_sql` made of an analyst's SQL against what is known to be harmless: every kind of part, every field of it, every function and
 * every table by its name. Gives the parameters it names, and whether it would answer the same tomorrow. Errors: `Refusal`.
 */
export function checkTree(
  parsed: Tree,
  tables: readonly string[],
): { params: ReadonlySet<string>; repeatable: boolean } {
  if (parsed.error !== false) refuseParsed(parsed);
  const statements = list(parsed.statements);
  if (statements.length !== 1)
    refuse(statements.length === 0 ? 'There is no statement.' : 'Only one statement can be asked at a time.');
  const { node, named_param_map: _, ...rest } = tree(statements[0]);
  if (node === undefined || Object.keys(rest).length > 0) refuse('Only one SELECT can be asked.');
  const found: Found = { params: new Set(), repeatable: true };
  checkNode(node, { tables: new Set(tables.map((name) => name.toLowerCase())), depth: 0, found, checkNode });
  return found;
}

function refuseParsed({ error_type: kind, error_message: message }: Tree): never {
  const words = typeof message === 'string' ? message : '';
  if (words.startsWith('Only SELECT'))
    refuse('Only a SELECT can be asked: nothing is written, attached, loaded or set.');
  if (kind === 'parser') refuse(`The SQL cannot be read: ${text(message)}`);
  return refuse(`The SQL cannot be checked: ${words}`);
}
