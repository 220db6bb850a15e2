import type { Form } from '#domain/form/form.ts';
import type { KeptResponse } from '#domain/response.ts';
import type { FormCatalog } from '../form-catalog.ts';

export type Text = { question: string; text: string };

/** The answers that are read, in the order of the form; what is blank or no text is left out. */
export function textsOf(response: Pick<KeptResponse, 'answers'>, questions: string[]): Text[] {
  return questions.flatMap((question) => {
    const text = response.answers[question];
    return typeof text === 'string' && text.trim() !== '' ? [{ question, text }] : [];
  });
}

/** Several texts read as one. */
export const wholeOf = (texts: readonly { text: string }[]): string => texts.map(({ text }) => text).join('\n\n');

/** The text of a response as understanding embeds it. None where its version asks for no understanding, and where nothing was written. */
export async function readTextOf(
  catalog: Pick<FormCatalog, 'version'>,
  form: Form,
  response: KeptResponse,
): Promise<string | undefined> {
  const { version } = await catalog.version(form, response.formVersion);
  if (!version.intelligence) return undefined;
  const texts = textsOf(response, version.intelligence.text ?? version.compiled.texts);
  return texts.length === 0 ? undefined : wholeOf(texts);
}
