import { AppError } from '#domain/errors.ts';
import type { Form, FormVersion } from '#domain/form/form.ts';
import { withheldNames } from '#domain/form/withheld.ts';
import { type MaskPlan, maskPlan } from '#domain/mask.ts';
import type { Storage } from '#ports/storage.ts';
import { pages } from './every.ts';

/** Errors: `form-not-found`. */
export async function formOf(storage: Pick<Storage, 'get'>, id: string): Promise<Form> {
  const found = await storage.get('form', id);
  if (!found) throw new AppError('form-not-found', { detail: `There is no form ${id}.` });
  return found.doc;
}

/** Every published version of a form, oldest first, a page at a time. */
export async function* versionsOf(storage: Pick<Storage, 'list'>, formId: string): AsyncGenerator<FormVersion[]> {
  const query = { where: { formId }, limit: 100 };
  for await (const { items } of pages((after) => storage.list('form-version', { ...query, after })))
    yield items.map(({ doc }) => doc);
}

/** The same all together: for whoever needs their columns side by side. */
export async function allVersionsOf(storage: Pick<Storage, 'list'>, formId: string): Promise<FormVersion[]> {
  const versions: FormVersion[] = [];
  for await (const some of versionsOf(storage, formId)) versions.push(...some);
  return versions;
}

/** Names of the answers that exports and searches of the form leave out. */
export async function withheldOf(storage: Pick<Storage, 'list'>, formId: string): Promise<ReadonlySet<string>> {
  const names = new Set<string>();
  // Page by page: a version may be half a megabyte, and only its names are kept.
  for await (const versions of versionsOf(storage, formId)) for (const name of withheldNames(versions)) names.add(name);
  return names;
}

/** What masking takes, by the number of the version; as little of each as that needs. */
export async function maskPlansOf(
  storage: Pick<Storage, 'list'>,
  formId: string,
): Promise<ReadonlyMap<number, MaskPlan>> {
  const plans = new Map<number, MaskPlan>();
  for await (const versions of versionsOf(storage, formId))
    for (const version of versions) plans.set(version.version, maskPlan(version));
  return plans;
}
