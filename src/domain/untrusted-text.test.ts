import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasControlToken, prepareText } from './untrusted-text.ts';

const forbidden = [
  '<|im_start|>',
  '<|im_end|>',
  '<|begin_of_text|>',
  '<|user|>',
  '<|eot_id|>',
  '[INST]',
  '[/INST]',
  '<<SYS>>',
  '<</SYS>>',
  '<s>',
  '</s>',
  '<start_of_turn>',
  '<end_of_turn>',
  '<bos>',
  '<eos>',
  '<pad>',
  '<0x0A>',
  '[TOOL_CALLS]',
  '<tool_call>',
  '<|',
  '|>',
];

/** mulberry32: the same strings in every run. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

const alphabet = [
  ...forbidden,
  '<',
  '>',
  '|',
  '[',
  ']',
  '/',
  's',
  'INST',
  'im_start',
  '＜',
  '＞',
  '｜',
  '［',
  '］',
  '〈',
  '‹',
  '»',
  '▁',
  '\u200b',
  '\u200d',
  '\u202e',
  '\u2066',
  '\ufe0f',
  '\u{e0041}',
  '\u{e0020}',
  '\ue000',
  '\x00',
  '\x1b',
  '\r',
  '\r\n',
  '\u2028',
  'e\u0301',
  '\u0301',
  '\u0338',
  '\u1100',
  '\u1161',
  '\u11a8',
  '\uac00',
  '😀',
  '\ud83d',
  'ﬁ',
  'é',
  'a',
  'bb',
  ' ',
  '   ',
  '\n',
  '0',
  '!!!!!!!!!!!!',
  'Straße',
  '注文',
  'заказ',
];
function strings(count: number): string[] {
  const chance = random(7);
  return Array.from({ length: count }, () =>
    Array.from({ length: 1 + Math.floor(chance() * 40) }, () => alphabet[Math.floor(chance() * alphabet.length)]).join(
      '',
    ),
  );
}

test('no control token and no hidden character survives, whatever is put together', () => {
  const hidden = /[\p{Cf}\p{Co}\p{Cs}]|[^\P{Cc}\n\t]|[\u{e0000}-\u{e0fff}]/u;
  for (const original of strings(4000)) {
    const { text } = prepareText(original);
    for (const token of forbidden)
      assert.ok(!text.toLowerCase().includes(token.toLowerCase()), `${token} in ${JSON.stringify(text)}`);
    assert.doesNotMatch(text, hidden);
    assert.ok(!hasControlToken(text), JSON.stringify(text));
    assert.equal(text, text.normalize('NFC'));
    assert.doesNotMatch(text, /(.)\1{8}/su);
  }
});

test('a text that was prepared stays as it is when it is prepared again', () => {
  for (const original of strings(1000)) {
    const { text } = prepareText(original);
    assert.equal(prepareText(text).text, text);
  }
});

test('offsets never go back, and are exact for every character that was kept', () => {
  const kept = (char: string, was: string) =>
    char === was || '()'.includes(char) || (char === '\n' && /[\r\u2028\u2029]/.test(was));
  for (const original of strings(2000)) {
    const { text, at, span } = prepareText(original, { max: 60 });
    let before = 0;
    for (let index = 0; index <= text.length; index += 1) {
      assert.ok(at(index) >= before, `${index} of ${JSON.stringify(text)}`);
      before = at(index);
    }
    for (let index = 0; index < text.length; index += 1) {
      const { start, end } = span(index, index + 1);
      if (end - start !== 1) continue;
      const [char, was] = [text[index]!, original.slice(start, end)];
      assert.ok(
        kept(char, was) ||
          original
            .slice(start, start + 3)
            .normalize('NFC')
            .includes(char),
        `${char} was ${was}`,
      );
    }
  }
});

test('a span that is found in the prepared text stands at the mapped place of the original', () => {
  const original = '\u202eHe\u200bllo\u{e0041} <|im_end|> order 😀 A-4711\u200b, re\u0301sume\u0301';
  const { text, span } = prepareText(original);
  for (const [found, source] of [
    ['A-4711', 'A-4711'],
    ['😀', '😀'],
    ['Hello', 'He\u200bllo'],
    ['résumé', 're\u0301sume\u0301'],
    ['(|im_end|)', '<|im_end|>'],
  ] as const) {
    const from = text.indexOf(found);
    assert.ok(from >= 0, `${found} in ${text}`);
    const { start, end } = span(from, from + found.length);
    assert.equal(original.slice(start, end), source);
  }
});

test('control tokens are found in full width and with look-alike brackets too', () => {
  for (const token of [
    '＜｜im_start｜＞',
    '<｜begin▁of▁sentence｜>',
    '［INST］',
    '‹s›',
    '《SYS》',
    '⟨start_of_turn⟩',
    '【/INST】',
    '[gMASK]',
    '[SEP]',
    '＜／ｓ＞',
    '< |user| >',
  ])
    assert.ok(hasControlToken(token), token);
  for (const plain of [
    'a < b and c > d',
    'Write to <jane@example.com>',
    'x | y',
    'sizes [M] or [L]',
    '1 < 2 and 3 > 2',
    '<3',
  ])
    assert.equal(prepareText(plain).text, plain);
});

test('a token that a zero-width character or a long run hid is broken up as well', () => {
  for (const [original, text] of [
    ['<\u200b|im_start|\u200d>', '(|im_start|)'],
    ['<\ufe0f|x|>', '(|x|)'],
    [`<${'s'.repeat(300)}>`, `(${'s'.repeat(8)})`],
    ['[IN\u00adST]', '(INST)'],
    ['<<\u{e0053}SYS>>', '((SYS))'],
  ] as const)
    assert.equal(prepareText(original).text, text);
});

test('what ordinary texts need is kept: umlauts, emoji, line breaks, long numbers', () => {
  for (const text of [
    'Grüße,\nJürgen ❤️',
    '注文番号は 10000000 です。',
    'שלום, הזמנה 12',
    'Preis: 1.000.000 €',
    '1️⃣ first\n\n2️⃣ second',
  ])
    assert.equal(prepareText(text).text, text);
});

test('a long text keeps its beginning and its end within the limit, and says how much was cut', () => {
  const original = `BEGIN ${'word 😀 '.repeat(3000)}END`;
  const { text, leftOut, at } = prepareText(original);
  assert.ok([...text].length <= 4000 && [...text].length > 3990);
  assert.ok(text.startsWith('BEGIN word') && text.endsWith('word 😀 END'));
  assert.ok(text.includes(`(${leftOut} characters left out)`));
  const note = `\n(${leftOut} characters left out)\n`;
  assert.equal([...text].length - note.length + leftOut, [...original].length);
  assert.equal(original.slice(at(text.length - 3), at(text.length)), 'END');
  assert.equal(prepareText('short').leftOut, 0);
  assert.equal(prepareText('').text, '');
});
