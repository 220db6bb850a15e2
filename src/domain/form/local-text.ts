/** A text, or a text for each language, with the one for all others under `default`. */
export type LocalText = string | { [locale: string]: string };

const localePattern = /^(?:default|[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*)$/;

export function isLocalText(value: unknown): value is LocalText {
  if (typeof value === 'string') return true;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const entries = Object.entries(value);
  return (
    entries.length > 0 && entries.every(([locale, text]) => localePattern.test(locale) && typeof text === 'string')
  );
}

/** The text for `locale`, else the default one, else English, else the first; undefined where there is none. */
export function textIn(value: LocalText | undefined, locale?: string): string | undefined {
  if (value === undefined || typeof value === 'string') return value;
  const named = locale && Object.hasOwn(value, locale) ? value[locale] : undefined;
  return named ?? value.default ?? value.en ?? Object.values(value)[0];
}
