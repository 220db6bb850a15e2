/**
 * A stranger's text, made ready for the prompt of a language model. Nothing in it is read as a control token, nothing is hidden, and nothing is long.
 * What it says stays what it says: a model may still believe it (docs/reference/guardrails.md).
 */
export type PreparedText = {
  text: string;
  /** The offset in the original that an offset of `text` came from; monotone. `at(text.length)` is where the last character that was kept ends. */
  at(offset: number): number;
  /** The span of the original behind a span of `text`: what was removed before its first or after its last character is not in it. */
  span(start: number, end: number): { start: number; end: number };
  /** Code points cut from the middle; 0 where all of it is there. */
  leftOut: number;
};

/** One code point and the span of the original that it stands for; an empty one where it was put in. */
type Piece = { char: string; from: number; to: number };

const longestRun = 8;
/** Blanks and line breaks: more of them say nothing. */
const longestBlank = 3;

/** Control, format (zero-width, bidi, tags), private use, lone surrogates, variation selectors, what Unicode says to ignore. */
const hidden = /^[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}]$/u;
/** One of these may stand behind an emoji. */
const emojiStyle = /^[\ufe0e\ufe0f]$/;
const mayBeStyled = /^[\p{Extended_Pictographic}0-9#*]$/u;
/** Joined to what is before them by NFC: marks, and the later letters of a Hangul syllable. */
const joins = /^[\p{M}\u1160-\u11ff]$/u;

/**
 * NFC; no control, zero-width, bidi, tag or private characters, at most one variation selector and only behind an emoji; a character at most 8 times
 * in a row (a blank 3 times); the brackets of every control token replaced by round ones; at most `max` code points, cut in the middle. Errors: none.
 */
export function prepareText(original: string, { max = 4000 }: { max?: number } = {}): PreparedText {
  const shortened = cut(withoutTokens(withoutRuns(composed(visible(original)))), max);
  const starts: number[] = [];
  const ends: number[] = [];
  for (const { char, from, to } of shortened.pieces) {
    const exact = to - from === char.length;
    for (let unit = 0; unit < char.length; unit += 1) {
      starts.push(exact ? from + unit : from);
      ends.push(exact ? from + unit + 1 : to);
    }
  }
  const end = ends.at(-1) ?? 0;
  const at = (offset: number): number => starts[Math.max(0, offset)] ?? end;
  return {
    text: shortened.pieces.map(({ char }) => char).join(''),
    at,
    span: (start, stop) => ({ start: at(start), end: stop <= start ? at(start) : (ends[stop - 1] ?? end) }),
    leftOut: shortened.leftOut,
  };
}

/** Whether a model's tokenizer, or the model itself, may take a part of the text for the frame of a conversation. */
export function hasControlToken(text: string): boolean {
  return bracketsOfTokens(text.normalize('NFC')).size > 0;
}

/** The text without what cannot be seen; line breaks as `\n`. */
export function visibleText(text: string): string {
  return visible(text)
    .map(({ char }) => char)
    .join('')
    .normalize('NFC');
}

function visible(original: string): Piece[] {
  const pieces: Piece[] = [];
  let from = 0;
  for (const char of original) {
    const to = from + char.length;
    const seen = seenAs(char, pieces.at(-1)?.char, original[to]);
    if (seen !== undefined) pieces.push({ char: seen, from, to });
    from = to;
  }
  return pieces;
}

/** Undefined for what is removed. */
function seenAs(char: string, before: string | undefined, next: string | undefined): string | undefined {
  if (char === '\n' || char === '\t') return char;
  if (char === '\r') return next === '\n' ? undefined : '\n';
  if (char === '\u2028' || char === '\u2029') return '\n';
  if (emojiStyle.test(char)) return before !== undefined && mayBeStyled.test(before) ? char : undefined;
  return hidden.test(char) ? undefined : char;
}

function composed(pieces: Piece[]): Piece[] {
  const result: Piece[] = [];
  for (let index = 0; index < pieces.length; ) {
    let next = index + 1;
    while (next < pieces.length && joins.test(pieces[next]!.char)) next += 1;
    const cluster = pieces.slice(index, next);
    const written = cluster.map(({ char }) => char).join('');
    const normal = written.normalize('NFC');
    // Where NFC changes a cluster, each of its characters stands for the whole cluster.
    const span = { from: cluster[0]!.from, to: cluster.at(-1)!.to };
    for (const piece of normal === written ? cluster : [...normal].map((char) => ({ char, ...span })))
      result.push(piece);
    index = next;
  }
  return result;
}

function withoutRuns(pieces: Piece[]): Piece[] {
  let run = 0;
  return pieces.filter(({ char }, index) => {
    run = index > 0 && pieces[index - 1]!.char === char ? run + 1 : 1;
    return run <= (/\s/.test(char) ? longestBlank : longestRun);
  });
}

function withoutTokens(pieces: Piece[]): Piece[] {
  const text = pieces.map(({ char }) => char).join('');
  const brackets = bracketsOfTokens(text);
  let offset = 0;
  return pieces.map((piece) => {
    const round = brackets.get(offset);
    offset += piece.char.length;
    return round === undefined ? piece : { ...piece, char: round };
  });
}

const lookAlikes: [string, string][] = [
  ['<', '＜﹤‹〈〈⟨❮❰˂≺«≪《⟪'],
  ['>', '＞﹥›〉〉⟩❯❱˃≻»≫》⟫'],
  ['|', '｜│∣￨ǀ❘¦┃'],
  ['[', '［⟦【〔'],
  [']', '］⟧】〕'],
  ['/', '／⁄∕'],
  ['_', '＿▁'],
];
const plainOf = new Map(lookAlikes.flatMap(([plain, others]) => [...others].map((other) => [other, plain] as const)));

/** The same number of units: patterns stay simple, and offsets right. */
function folded(text: string): string {
  let result = '';
  for (const char of text) {
    const plain = plainOf.get(char) ?? (char < '\x80' ? char : char.normalize('NFKC')).toLowerCase();
    result += plain.length === char.length ? plain : char;
  }
  return result;
}

const tokens = [
  // ChatML, Llama 3, Phi, Command R, DeepSeek: <|…|>, and each half of it.
  /<\s{0,3}(?=\|)/g,
  /(?<=\|)\s{0,3}>/g,
  // Llama 2, Gemma, T5, byte tokens: <<SYS>>, <s>, </s>, <bos>, <start_of_turn>, <0x0A>, and any other tag of one word.
  /<{1,2}\s?\/?[\p{L}\p{N}_.:-]{1,48}\s?\/?>{1,2}/gu,
  // Mistral: [INST], [/INST], [TOOL_CALLS]; BERT, GLM: [CLS], [gMASK]
  /\[\s?\/?\s?(?:inst|sys|system|user|assistant|system_prompt|available_tools|tool_(?:calls|results|content)|prefix|suffix|middle|cls|sep|unk|pad|g?mask|img|img_(?:break|end))\s?\]/g,
];
const round: Record<string, string> = { '<': '(', '>': ')', '[': '(', ']': ')' };

/** Offset of each bracket that belongs to a control token, and the round one for it. Round brackets are in no token, so that one pass is enough. */
function bracketsOfTokens(text: string): Map<number, string> {
  const plain = folded(text);
  const found = new Map<number, string>();
  for (const token of tokens)
    for (const match of plain.matchAll(token))
      for (let index = match.index; index < match.index + match[0].length; index += 1)
        if (Object.hasOwn(round, plain[index]!)) found.set(index, round[plain[index]!]!);
  return found;
}

function cut(pieces: Piece[], max: number): { pieces: Piece[]; leftOut: number } {
  if (pieces.length <= max) return { pieces, leftOut: 0 };
  // Long enough for the number that it will hold: that of all pieces.
  const room = Math.max(0, max - noteOf(pieces.length).length);
  const head = Math.ceil(room / 2);
  const tail = room - head;
  const leftOut = pieces.length - room;
  const resume = pieces.length - tail;
  const place = pieces[resume]?.from ?? pieces.at(-1)!.to;
  const note = [...noteOf(leftOut)].map((char) => ({ char, from: place, to: place }));
  return { pieces: [...pieces.slice(0, head), ...note, ...pieces.slice(resume)], leftOut };
}

const noteOf = (leftOut: number): string => `\n(${leftOut} characters left out)\n`;
