import { type Form, versionId } from '#domain/form/form.ts';
import type { IntelligenceSpec } from '#domain/intelligence.ts';
import type { Storage } from '#ports/storage.ts';

/** What a form is to learn. Responses fit the published version, so its labels and fields count, not those of a draft; a form that was never published has only its draft. */
export async function specOf(storage: Pick<Storage, 'get'>, form: Form): Promise<IntelligenceSpec | undefined> {
  if (form.version === 0) return form.intelligence;
  return (await storage.get('form-version', versionId(form.id, form.version)))?.doc.intelligence;
}
