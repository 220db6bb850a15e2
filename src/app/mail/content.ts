import { AppError } from '#domain/errors.ts';
import type { Form, FormVersion } from '#domain/form/form.ts';
import type { Digest, MailAbout, Notice } from '#domain/mail/about.ts';
import { digestContent, listedInDigest } from '#domain/mail/digest.ts';
import type { Content, Sender } from '#domain/mail/message.ts';
import { noticeContent } from '#domain/mail/notice.ts';
import { summaryContent } from '#domain/mail/summary.ts';
import type { KeptResponse } from '#domain/response.ts';
import type { Storage } from '#ports/storage.ts';
import type { FormCatalog } from '../form-catalog.ts';
import { withheldOf } from '../form-versions.ts';
import { textsOf, wholeOf } from '../search/text-of.ts';
import { daySummary } from './day-summary.ts';

type Deps = {
  storage: Pick<Storage, 'get' | 'list' | 'responses'>;
  catalog: Pick<FormCatalog, 'form' | 'version'>;
  sender: Sender;
};

/** Why there is nothing to send: what it was about is not kept any more, or nothing came. */
export type NoContent = 'gone' | 'nothing-came';

/** What a message says, read from the store when it is sent: a response that was erased or corrected meanwhile is told of as it is now, or not at all. */
export function createMailContent({ storage, catalog, sender }: Deps) {
  function contentOf(about: MailAbout, signal: AbortSignal): Promise<Content | NoContent> {
    if ('day' in about) return ofDay(about.day, signal);
    return 'form_id' in about ? ofDigest(about) : ofResponse(about);
  }

  async function ofResponse({ response_id: id }: Notice): Promise<Content | NoContent> {
    const response = (await storage.get('response', id))?.doc;
    const form = response && (await formOf(response.formId));
    if (!response || !form) return 'gone';
    const { version } = await catalog.version(form, response.formVersion);
    const input = {
      response,
      form: { id: form.id, title: form.title, wantsReading: version.intelligence !== undefined },
      questions: version.compiled.questions,
      withheld: await withheldOf(storage, form.id),
    };
    return noticeContent(input, sender);
  }

  async function ofDigest(window: Digest): Promise<Content | NoContent> {
    const { form_id: formId, from, to } = window;
    const form = await formOf(formId);
    if (!form) return 'gone';
    const [counts, found, withheld] = await Promise.all([
      storage.responses.analytics({ formId, fields: [], from, to }),
      storage.list('response', { where: { formId }, from, to, limit: listedInDigest }),
      withheldOf(storage, formId),
    ]);
    const listed = await Promise.all(
      found.items.map(async ({ doc }) => {
        const { version } = await catalog.version(form, doc.formVersion);
        return { response: doc, excerpt: excerptOf(doc, version, withheld) };
      }),
    );
    const { version } = await catalog.version(form);
    const about = { id: form.id, title: form.title, wantsReading: version.intelligence !== undefined };
    return digestContent({ form: about, window, counts, listed }, sender) ?? 'nothing-came';
  }

  async function ofDay(day: string, signal: AbortSignal): Promise<Content> {
    return summaryContent(await daySummary(storage, day, sender.timeZone, signal));
  }

  async function formOf(id: string): Promise<Form | undefined> {
    try {
      return await catalog.form(id);
    } catch (err) {
      if (err instanceof AppError && err.code === 'form-not-found') return undefined;
      throw err;
    }
  }

  return { contentOf };
}
export type MailContent = ReturnType<typeof createMailContent>;

function excerptOf(response: KeptResponse, { compiled }: FormVersion, withheld: ReadonlySet<string>): string {
  return wholeOf(
    textsOf(
      response,
      compiled.texts.filter((name) => !withheld.has(name)),
    ),
  );
}
