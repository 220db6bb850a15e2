import { isYounger } from '#domain/age.ts';
import { AppError } from '#domain/errors.ts';
import type { Form, FormVersion } from '#domain/form/form.ts';
import { versionId } from '#domain/form/form.ts';
import type { AnswerValidator, PreparedValidator } from '#ports/answer-validator.ts';
import type { Clock } from '#ports/clock.ts';
import type { Storage } from '#ports/storage.ts';

export type ReadyVersion = { version: FormVersion; prepared: PreparedValidator };

/** A form may be changed by another process: what is cached is looked at again after this time. Versions never change. */
const freshForMs = 1_000;
/** Bounds memory: about 20 kB a compiled form. */
const capacity = 500;

/**
 * What the accept path knows about forms without asking the store each time. In one process `forget` keeps it exact; between processes it is
 * at most a second behind.
 */
export function createFormCatalog(deps: {
  storage: Pick<Storage, 'get' | 'getByKey'>;
  validator: AnswerValidator;
  clock: Clock;
}) {
  const forms = new Map<string, { form: Form; readAt: number }>();
  const versions = new Map<string, ReadyVersion>();
  /** Raised by every `forget`: a read that began before may not fill the cache after. */
  let epoch = 0;

  /** By id or slug. Errors: `form-not-found`. */
  async function form(idOrSlug: string): Promise<Form> {
    const cached = forms.get(idOrSlug);
    if (cached && isYounger(cached.readAt, deps.clock.now(), freshForMs)) return cached.form;
    const started = epoch;
    const found = idOrSlug.startsWith('frm_')
      ? await deps.storage.get('form', idOrSlug)
      : await deps.storage.getByKey('form', idOrSlug);
    if (!found) throw new AppError('form-not-found', { detail: `There is no form ${idOrSlug}.` });
    if (started === epoch) remember(forms, idOrSlug, { form: found.doc, readAt: deps.clock.now() });
    return found.doc;
  }

  /** A published version, ready to validate with. Errors: `form-not-published`, `version-not-found`. */
  async function version(of: Form, number = of.version): Promise<ReadyVersion> {
    if (of.version === 0) {
      throw new AppError('form-not-published', { detail: 'Publish the form first: POST /api/v1/forms/{id}/publish.' });
    }
    const id = versionId(of.id, number);
    const cached = versions.get(id);
    if (cached) return cached;
    const found = number >= 1 && number <= of.version ? await deps.storage.get('form-version', id) : undefined;
    if (!found) {
      throw new AppError('version-not-found', {
        detail: `The form has versions 1 to ${of.version}; there is no version ${number}.`,
      });
    }
    const ready = { version: found.doc, prepared: prepare(found.doc) };
    remember(versions, id, ready);
    return ready;
  }

  /** By content, not by number: two publishes that race for a number must not share a validator. Takes 2 ms for ten questions, 270 ms for five hundred. */
  function prepare(version: Pick<FormVersion, 'compiled' | 'contentSha256'>): PreparedValidator {
    return deps.validator.prepare(version.compiled, version.contentSha256);
  }

  function forget(formId: string, slug: string): void {
    epoch += 1;
    forms.delete(formId);
    forms.delete(slug);
  }

  return { form, version, prepare, forget };
}
export type FormCatalog = ReturnType<typeof createFormCatalog>;

function remember<V>(map: Map<string, V>, key: string, value: V): void {
  if (map.size >= capacity) map.delete(map.keys().next().value!);
  map.set(key, value);
}
