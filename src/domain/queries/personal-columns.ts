import { fieldColumn } from '../export-rows.ts';
import type { FormVersion } from '../form/form.ts';
import { maskPlan } from '../mask.ts';

/** Field types that say who somebody is. */
const personal = new Set(['email', 'phone', 'iban', 'person']);

/**
 * Columns that say who sent a response: e-mail and phone questions of any version, fields of such types, metadata, and replies, which address somebody. Free text
 * is not among them: whoever has `analytics:sql` reads it, with or without `responses:read`.
 */
export function personalColumns(versions: readonly Pick<FormVersion, 'compiled' | 'intelligence'>[]): string[] {
  const columns = new Set(['metadata', 'draft_reply']);
  for (const version of versions) {
    const { whole, fields } = maskPlan(version);
    for (const { name, id } of version.compiled.columns) if (whole.has(name)) columns.add(id);
    for (const [name, type] of fields) if (personal.has(type)) columns.add(fieldColumn(name));
  }
  return [...columns];
}
