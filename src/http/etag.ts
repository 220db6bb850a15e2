/** What stands in `If-Match` or `If-None-Match`: any state at all, or a list of entity tags as they were sent (`"3"`, `W/"3"`). */
export type EntityTags = '*' | readonly string[];

const tag = /(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"/g;

/** RFC 9110, 13.1: `*`, or tags with commas between them, some of which may have nothing behind. Undefined for what is neither. */
export function entityTags(header: string): EntityTags | undefined {
  if (header.trim() === '*') return '*';
  // In two steps, each linear: one expression for the list could read the space between two commas in many ways.
  const rest = header.replaceAll(tag, '\0').replaceAll(/[ \t]/g, '');
  return /^,*\0(?:,+\0)*,*$/.test(rest) ? header.match(tag)! : undefined;
}

/** Whether `If-None-Match` names this tag: weak comparison (RFC 9110, 13.1.2), in which `W/` counts on neither side, for a proxy that compresses makes tags weak. */
export function matchesEtag(ifNoneMatch: string | undefined, etag: string): boolean {
  const tags = ifNoneMatch === undefined ? undefined : entityTags(ifNoneMatch);
  if (tags === undefined) return false;
  return tags === '*' || tags.some((one) => opaque(one) === opaque(etag));
}

const opaque = (entityTag: string): string => entityTag.replace(/^W\//, '');
