/**
 * A lower-case copy of a text without accents, in which patterns stay simple, and the way back to the offsets of the original.
 * `ß` becomes `ss`, curly quotes and long dashes become plain ones, every blank but the line break becomes a space, combining marks vanish.
 */
export type Span = { start: number; end: number };

export type FoldedText = {
  original: string;
  /** The folded copy. Its offsets are not those of the original. */
  text: string;
  /** The span of the original that the folded span came from; marks that combine with its last letter are inside. */
  toOriginal(start: number, end: number): Span;
  /** The first folded offset that came from `offset` of the original or from behind it. */
  toFolded(offset: number): number;
};

const REPLACEMENTS: Record<string, string> = {
  ß: 'ss',
  æ: 'ae',
  œ: 'oe',
  ø: 'o',
  ł: 'l',
  '’': "'",
  '‘': "'",
  '´': "'",
  '‐': '-',
  '‑': '-',
  '–': '-',
  '—': '-',
  '−': '-',
};

function foldChar(char: string): string {
  const code = char.charCodeAt(0);
  if (code < 0x80) return code === 9 || code === 11 || code === 12 ? ' ' : char.toLowerCase();
  if (code >= 0x300 && code <= 0x36f) return '';
  const lower = char.toLowerCase();
  const replaced = REPLACEMENTS[lower];
  if (replaced !== undefined) return replaced;
  if (code === 0xa0 || code === 0x1680 || (code >= 0x2000 && code <= 0x200a) || code === 0x202f || code === 0x3000)
    return ' ';
  // Only Latin letters are taken apart: й, が or a Hangul syllable would become another letter.
  const latin = code < 0x250 || (code >= 0x1e00 && code < 0x1f00);
  return latin ? lower.normalize('NFD').replace(/[\u0300-\u036f]/g, '') : lower;
}

export function foldText(original: string): FoldedText {
  const parts: string[] = [];
  const origin: number[] = [];
  for (let index = 0; index < original.length; index += 1) {
    const folded = foldChar(original[index]!);
    for (let unit = 0; unit < folded.length; unit += 1) origin.push(index);
    parts.push(folded);
  }
  origin.push(original.length);
  return {
    original,
    text: parts.join(''),
    toOriginal: (start, end) => ({ start: origin[start]!, end: origin[end]! }),
    toFolded: (offset) => {
      let low = 0;
      let high = origin.length - 1;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (origin[middle]! < offset) low = middle + 1;
        else high = middle;
      }
      return low;
    },
  };
}

/** The fold alone, for words that are compared with folded text. */
export function fold(word: string): string {
  return foldText(word).text;
}
