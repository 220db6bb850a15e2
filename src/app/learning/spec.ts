import { AppError } from '#domain/errors.ts';
import { type Form, versionId } from '#domain/form/form.ts';
import type { IntelligenceSpec } from '#domain/intelligence.ts';
import type { Storage } from '#ports/storage.ts';

/** Errors: `form-not-found`. */
export async function formOf(storage: Pick<Storage, 'get'>, id: string): Promise<Form> {
  const found = await storage.get('form', id);
  if (!found) throw new AppError('form-not-found', { detail: `There is no form ${id}.` });
  return found.doc;
}

/** What a form is to learn. Responses fit the published version, so its labels and fields count, not those of a draft; a form that was never published has only its draft. */
export async function specOf(storage: Pick<Storage, 'get'>, form: Form): Promise<IntelligenceSpec | undefined> {
  if (form.version === 0) return form.intelligence;
  return (await storage.get('form-version', versionId(form.id, form.version)))?.doc.intelligence;
}
