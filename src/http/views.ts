import type { Step, TaskView } from '#app/tasks.ts';
import type { Form, FormVersion } from '#domain/form/form.ts';
import type { Json } from '#domain/json.ts';
import type { Task } from '#domain/task.ts';
import type { Stored } from '#ports/storage.ts';

/* Domain documents in the words of the HTTP contract. */

export const time = (at: number): string => new Date(at).toISOString();
export const maybeTime = (at: number | undefined): string | null => (at === undefined ? null : time(at));

export function formView({ doc, revision }: Stored<'form'>): object {
  return {
    id: doc.id,
    slug: doc.slug,
    title: doc.title,
    status: doc.status,
    version: doc.version,
    revision,
    definition: doc.definition,
    intelligence: doc.intelligence,
    settings: doc.settings,
    created_at: time(doc.createdAt),
    updated_at: time(doc.updatedAt),
  };
}

export function versionView(version: FormVersion): object {
  return {
    form_id: version.formId,
    version: version.version,
    content_sha256: version.contentSha256,
    title: version.title,
    published_at: time(version.publishedAt),
  };
}

/** What a renderer needs, and nothing else: no intelligence, no settings. */
export function publicFormView(form: Form, version: FormVersion): object {
  return {
    id: form.id,
    slug: form.slug,
    title: version.title,
    status: form.status,
    version: version.version,
    definition: version.definition,
    submit_url: `/api/v1/forms/${form.id}/responses`,
  };
}

/** Without a token a task shows that it is there and how far it is: nothing of the response. */
export function publicTaskView(task: TaskView): object {
  return { id: task.id, status: task.status, progress: task.progress };
}

export function taskView(task: TaskView): object {
  return {
    id: task.id,
    kind: task.kind,
    status: task.status,
    progress: task.progress,
    steps: task.steps.map(stepView),
    webhook: task.webhook,
    created_at: time(task.createdAt),
    result: task.result as Json,
    error: task.error,
  };
}

function stepView(step: Step): object {
  return {
    id: step.id,
    name: step.kind,
    queue: step.queue,
    status: step.status,
    attempts: step.attempts,
    started_at: maybeTime(step.startedAt),
    finished_at: maybeTime(step.finishedAt),
    error: step.error,
  };
}

/** A row of a list of tasks. */
export function taskRowView(task: Task): object {
  return {
    ...stepView(task),
    kind: task.kind,
    created_at: time(task.createdAt),
    run_at: time(task.runAt),
    root: task.root ?? null,
  };
}
