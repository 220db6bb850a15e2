/** Markup that is safe to put into a page as it is. Only `html` makes it. */
export type Html = { readonly markup: string };

type Part = Html | string | number | undefined | readonly Html[];

/** Text parts are escaped, markup and lists of markup are put in as they are, undefined is nothing. Attribute values must stand in double quotes. */
export function html(strings: TemplateStringsArray, ...parts: Part[]): Html {
  let markup = strings[0]!;
  for (const [index, part] of parts.entries()) markup += render(part) + strings[index + 1]!;
  return { markup };
}

function render(part: Part): string {
  if (part === undefined) return '';
  if (typeof part === 'string' || typeof part === 'number') return escapeHtml(String(part));
  if ('markup' in part) return part.markup;
  return part.map(({ markup }) => markup).join('');
}

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => entities[char]!);
}
