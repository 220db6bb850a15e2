import { published } from '#domain/consequences.ts';
import { AppError, type Issue } from '#domain/errors.ts';
import { compileForm, contentSha256 } from '#domain/form/compile.ts';
import type { FormDefinition } from '#domain/form/definition.ts';
import { parseDefinition } from '#domain/form/definition.ts';
import type { Form, FormSettings, FormStatus, FormVersion } from '#domain/form/form.ts';
import { versionId } from '#domain/form/form.ts';
import type { IntelligenceSpec } from '#domain/intelligence.ts';
import { intelligenceIssues } from '#domain/intelligence-check.ts';
import type { Json } from '#domain/json.ts';
import { changedNotify, notifyOf, notifyRefusals } from '#domain/mail/notify.ts';
import type { NewTask } from '#domain/task.ts';
import type { Clock } from '#ports/clock.ts';
import type { Ids } from '#ports/ids.ts';
import type { Commit, Storage, Stored } from '#ports/storage.ts';
import type { Auditor, Caller } from './audit.ts';
import type { FormCatalog } from './form-catalog.ts';

export type FormDraft = {
  title: string;
  slug?: string;
  definition: unknown;
  intelligence?: IntelligenceSpec;
  settings?: FormSettings;
};

/** The revisions of which the form must have one for a change to be made. */
export type Expected = 'any' | readonly number[];

type Deps = {
  storage: Pick<Storage, 'commit' | 'get' | 'list'>;
  catalog: FormCatalog;
  ids: Ids;
  clock: Clock;
  audit: Auditor;
  /** Whether there is an SMTP server: a form that names addresses without one would tell nobody. */
  sendsMail: boolean;
  offer: (tasks: NewTask[]) => void;
};

/** From which states each step may be taken, and where it leads. */
const steps: Record<'close' | 'reopen' | 'archive', { from: FormStatus[]; to: FormStatus }> = {
  close: { from: ['open'], to: 'closed' },
  reopen: { from: ['closed'], to: 'open' },
  archive: { from: ['draft', 'open', 'closed'], to: 'archived' },
};

export function createForms(deps: Deps) {
  const { storage, clock } = deps;

  /** Errors: `forbidden` for what only administrators may set, `value-refused`, `definition-invalid`, `already-exists` (slug). */
  async function create(caller: Caller, draft: FormDraft): Promise<Stored<'form'>> {
    const notify = checkedNotify(caller, {}, draft.settings ?? {});
    const definition = checked(draft);
    const id = deps.ids.next('frm');
    const now = clock.now();
    const doc: Form = {
      id,
      slug: draft.slug ?? id,
      title: draft.title,
      status: 'draft',
      definition,
      intelligence: draft.intelligence,
      settings: draft.settings ?? {},
      version: 0,
      createdAt: now,
      updatedAt: now,
    };
    const audit = [deps.audit(caller, 'form.create', id, notify)];
    const result = await storage.commit({ change: { op: 'insert', kind: 'form', doc }, audit });
    if (result.outcome === 'exists') throw slugTaken(doc.slug);
    return { revision: 1, doc };
  }

  /** Replaces the draft. Errors: `revision-mismatch`, `form-archived`, and those of `create`. */
  async function update(caller: Caller, id: string, expected: Expected, draft: FormDraft): Promise<Stored<'form'>> {
    const current = await get(id);
    if (current.doc.status === 'archived') throw new AppError('form-archived');
    const notify = checkedNotify(caller, current.doc.settings, draft.settings ?? {});
    const definition = checked(draft);
    const doc: Form = {
      ...current.doc,
      title: draft.title,
      slug: draft.slug ?? id,
      definition,
      intelligence: draft.intelligence,
      settings: draft.settings ?? {},
      updatedAt: clock.now(),
    };
    const next = await replace(doc, revisionOf(current, expected), [deps.audit(caller, 'form.update', id, notify)]);
    deps.catalog.forget(id, current.doc.slug);
    return next;
  }

  /** What the audit log says of a change in who is told by e-mail; undefined where there is none. Addresses are not in it, as nobody's are. */
  function checkedNotify(
    { actor }: Caller,
    before: FormSettings,
    after: FormSettings,
  ): { [key: string]: Json } | undefined {
    const issues = notifyRefusals(actor, before, after);
    if (issues.length > 0) {
      const keys = issues.map(({ pointer }) => pointer.slice(1).replace('/', '.')).join(' and ');
      throw new AppError('forbidden', { detail: `Only an administrator may set or change ${keys}.`, issues });
    }
    if (changedNotify(before, after).length === 0) return undefined;
    const { recipients, send } = notifyOf(after);
    if (recipients.size > 0 && !deps.sendsMail) throw new AppError('value-refused', { issues: [noServer] });
    return { notify_emails: recipients.size, notify: send };
  }

  /** Freezes the draft as the next version. A draft that has not changed since the newest version is published again all the same: the number is the author's. */
  async function publish(caller: Caller, id: string, expected: Expected): Promise<FormVersion> {
    const current = await get(id);
    if (current.doc.status === 'archived') throw new AppError('form-archived');
    const revision = revisionOf(current, expected);
    const now = clock.now();
    const number = current.doc.version + 1;
    const version: FormVersion = {
      id: versionId(id, number),
      formId: id,
      version: number,
      title: current.doc.title,
      definition: current.doc.definition,
      intelligence: current.doc.intelligence,
      compiled: compileForm(current.doc.definition),
      contentSha256: contentSha256(current.doc.definition),
      publishedAt: now,
    };
    // Now, so that a definition that cannot be prepared is refused here, and the first response does not wait for it.
    deps.catalog.prepare(version);
    const status = current.doc.status === 'draft' ? 'open' : current.doc.status;
    const doc: Form = { ...current.doc, status, version: number, updatedAt: now };
    const audit = [deps.audit(caller, 'form.publish', id, { version: number, content_sha256: version.contentSha256 })];
    const { tasks } = published(id, number, now, [
      ...(version.intelligence?.classify ? (['head'] as const) : []),
      ...(version.intelligence?.extract ? (['tagger'] as const) : []),
    ]);
    await replace(doc, revision, audit, { also: [{ kind: 'form-version', doc: version }], tasks });
    deps.offer(tasks);
    return version;
  }

  async function move(
    caller: Caller,
    id: string,
    step: keyof typeof steps,
    expected: Expected,
  ): Promise<Stored<'form'>> {
    const current = await get(id);
    const revision = revisionOf(current, expected);
    const { from, to } = steps[step];
    if (current.doc.status === to) return current;
    if (!from.includes(current.doc.status)) {
      const code = current.doc.status === 'archived' ? 'form-archived' : 'conflict';
      throw new AppError(code, {
        detail: `A form that is ${current.doc.status} cannot be ${to}; it must be ${from.join(' or ')}.`,
      });
    }
    return replace({ ...current.doc, status: to, updatedAt: clock.now() }, revision, [
      deps.audit(caller, `form.${step}`, id),
    ]);
  }

  async function replace(
    doc: Form,
    expect: number,
    audit: ReturnType<Auditor>[],
    follow: Pick<Commit, 'also' | 'tasks'> = {},
  ): Promise<Stored<'form'>> {
    const result = await storage.commit({ change: { op: 'update', kind: 'form', doc, expect }, ...follow, audit });
    deps.catalog.forget(doc.id, doc.slug);
    if (result.outcome === 'exists') throw slugTaken(doc.slug);
    if (result.outcome !== 'committed') throw new AppError('revision-mismatch');
    return { revision: result.revision, doc };
  }

  async function get(id: string): Promise<Stored<'form'>> {
    const found = await storage.get('form', id);
    if (!found) throw new AppError('form-not-found', { detail: `There is no form ${id}.` });
    return found;
  }

  async function getVersion(id: string, number: number): Promise<FormVersion> {
    const { doc } = await get(id);
    return (await deps.catalog.version(doc, number)).version;
  }

  return {
    create,
    update,
    publish,
    move,
    get,
    getVersion,
    list: (query: { limit: number; after?: string; status?: FormStatus }) =>
      storage.list('form', {
        where: { status: query.status },
        limit: query.limit,
        after: query.after,
        newestFirst: true,
      }),
    listVersions: async (id: string, query: { limit: number; after?: string }) => {
      await get(id);
      return storage.list('form-version', {
        where: { formId: id },
        limit: query.limit,
        after: query.after,
        newestFirst: true,
      });
    },
  };
}
export type Forms = ReturnType<typeof createForms>;

/** The revision that a change replaces. Errors: `revision-mismatch`. */
function revisionOf({ revision }: Stored<'form'>, expected: Expected): number {
  if (expected !== 'any' && !expected.includes(revision)) throw new AppError('revision-mismatch');
  return revision;
}

/** Errors: `definition-invalid` with everything that is wrong, pointers from the root of the body. */
function checked(draft: FormDraft): FormDefinition {
  const parsed = parseDefinition(draft.definition);
  const issues: Issue[] = [];
  if ('issues' in parsed)
    issues.push(...parsed.issues.map((issue) => ({ ...issue, pointer: `/definition${issue.pointer}` })));
  else if (draft.intelligence) issues.push(...intelligenceIssues(draft.intelligence, compileForm(parsed.definition)));
  if (issues.length > 0 || 'issues' in parsed) throw new AppError('definition-invalid', { issues });
  return parsed.definition;
}

const slugTaken = (slug: string) =>
  new AppError('already-exists', { detail: `Another form has the slug ${slug}; choose another one.` });

const noServer: Issue = {
  pointer: '/settings/notify_emails',
  code: 'mail-not-configured',
  detail: 'This installation sends no e-mail; the operator must set FORMSTEAD_SMTP_URL first.',
};
