import { setTimeout as pause } from 'node:timers/promises';
import { AppError } from '#domain/errors.ts';
import { progressBar } from '../progress.ts';
import type { ApiClient } from './api-client.ts';
import { type ExampleForm, readExamples } from './examples.ts';
import type { ReceiverProcess } from './receiver-process.ts';
import type { Understood } from './report.ts';
import type { Job } from './senders.ts';

export type Live = ExampleForm & { id: string; textQuestion: string };

/** Without any progress. Milliseconds. */
const patienceMs = 120_000;
const betweenLooksMs = 250;

/**
 * Publishes and teaches the example forms, each with `most` of its responses, and adds each to `live` once it is there.
 * `mark`: a note in their titles; their slugs are then left free for others.
 */
export async function publishForms(api: ApiClient, live: Live[], most: number, mark?: string): Promise<void> {
  for (const example of readExamples()) {
    const { slug, title, ...form } = example.form;
    const named = mark === undefined ? { ...form, title, slug } : { ...form, title: `${title} (${mark})` };
    const { id } = await api.post<{ id: string }>('/forms', named);
    const [textQuestion] = (form.intelligence as { text: string[] }).text;
    live.push({ ...example, responses: example.responses.slice(0, most), id, textQuestion: textQuestion! });
    await api.post(`/forms/${id}/publish`, {});
    const { task_id } = await api.post<{ task_id: string }>(`/forms/${id}/examples`, example.training);
    await waitForTask(api, task_id);
  }
}

/** Has every response of the installation that is understood from now on told to the receiver; returns the endpoint's id. */
export async function tellReceiver(api: ApiClient, receiver: ReceiverProcess): Promise<string> {
  const { id, secret } = await api.post<{ id: string; secret: string }>('/webhook-endpoints', {
    url: receiver.url,
    events: ['response.understood'],
  });
  receiver.trust(secret);
  return id;
}

export function jobsOf(form: Live): Job[] {
  return form.responses.map(({ answers }, i) => ({
    path: `/api/v1/forms/${form.id}/responses`,
    body: JSON.stringify({ answers }),
    key: keyOf(form, i),
    place: i,
  }));
}

/** The idempotency key of a form's response. */
export const keyOf = (form: Live, i: number): string => `${form.id}-${i}`;

export async function waitForTask(api: ApiClient, id: string): Promise<void> {
  await progressing(`task ${id}`, 1, async () => {
    const task = await api.get<{ status: string; error?: { detail: string } }>(`/tasks/${id}`);
    if (task.status === 'failed') throw new Error(`task ${id} failed: ${task.error?.detail}`);
    return task.status === 'succeeded' ? 1 : 0;
  });
}

export async function waitUntilUnderstood(api: ApiClient, forms: Live[]): Promise<void> {
  const total = forms.reduce((sum, form) => sum + form.responses.length, 0);
  const bar = progressBar('understood');
  bar.total(total);
  await progressing('the responses to be understood', total, async () => {
    const open = await Promise.all(
      forms.map(({ id }) => api.get<{ items: unknown[] }>(`/forms/${id}/responses?status=accepted&limit=1000`)),
    );
    const done = total - open.reduce((sum, { items }) => sum + items.length, 0);
    bar.update(done);
    return done;
  });
  bar.stop();
}

/** Waits until nothing is being measured; returns how many measurements there were. */
export async function measured(api: ApiClient): Promise<number> {
  type Page = { items: { id: string; kind: string }[] };
  const seen = new Set<string>();
  let quiet = 0;
  await progressing('the measurement of the model', 1, async () => {
    const pages = await Promise.all(
      ['pending', 'running'].map((status) => api.get<Page>(`/tasks?status=${status}&limit=500`)),
    );
    const open = pages.flatMap(({ items }) => items);
    for (const { id, kind } of open) if (kind === 'fit-model') seen.add(id);
    quiet = open.length === 0 ? quiet + 1 : 0;
    return quiet > 1 ? 1 : 0;
  });
  return seen.size;
}

/** Waits until `look` finds `wanted`. Errors: it has found nothing new for two minutes. */
export async function progressing(what: string, wanted: number, look: () => Promise<number>): Promise<void> {
  let best = -1;
  let since = performance.now();
  for (;;) {
    const found = await look();
    if (found >= wanted) return;
    if (found > best) {
      best = found;
      since = performance.now();
    } else if (performance.now() - since > patienceMs) {
      const detail = `Waited ${patienceMs / 1000} s in vain for ${what}: ${best} of ${wanted}.`;
      throw new AppError('value-refused', { detail });
    }
    await pause(betweenLooksMs);
  }
}

export async function readBack(api: ApiClient, forms: Live[]): Promise<Map<string, Understood>> {
  const responses = new Map<string, Understood>();
  for (const { id } of forms) {
    let cursor = '';
    do {
      const page: { items: Understood[]; next_cursor: string | null } = await api.get(
        `/forms/${id}/responses?limit=500${cursor && `&cursor=${cursor}`}`,
      );
      for (const item of page.items) responses.set(item.id, item);
      cursor = page.next_cursor ?? '';
    } while (cursor);
  }
  return responses;
}
