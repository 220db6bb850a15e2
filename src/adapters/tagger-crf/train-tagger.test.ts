import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FieldExample } from '#domain/field-example.ts';
import { decodeTagger, encodeTagger, sha256, TaggerFormatError } from './codec.ts';
import { createTag } from './model.ts';
import { createTaggerCache } from './tagger-cache.ts';
import { learnable, trainTagger } from './train-tagger.ts';

const sizes = ['small', 'large', 'medium', 'tiny', 'huge'];
const names = ['Ada', 'Grace', 'Edsger', 'Barbara', 'Donald', 'Margaret', 'Ken'];

function mark(text: string, values: Record<string, string>, hints?: FieldExample['hints']): FieldExample {
  const fields = Object.entries(values).map(([name, value]) => {
    const start = text.indexOf(value);
    return { name, start, end: start + value.length };
  });
  return { text, fields, ...(hints && { hints }) };
}

const examples = Array.from({ length: 60 }, (_, i) => {
  const [name, size] = [names[i % names.length]!, sizes[i % sizes.length]!];
  if (i % 4 === 0) return mark(`We would like to pay by card, please (${i}).`, {});
  if (i % 2) return mark(`Send a ${size} one to ${name} Smith${i}, please.`, { size, guest: `${name} Smith${i}` });
  return mark(`${name} Jones wants the ${size} size.`, { size, guest: `${name} Jones` });
});
const fields = ['size', 'guest'];
const { model, byField } = trainTagger(examples, fields);
const bytes = encodeTagger(model);
const tag = createTag(model);

test('a name that was never seen is found by what stands around it, with the place and how sure it is', () => {
  const text = 'Send a small one to Zoltan Smith9, please.';
  const found = tag(text);
  assert.deepEqual(
    found.map(({ field, source }) => [field, source]),
    [
      ['size', 'small'],
      ['guest', 'Zoltan Smith9'],
    ],
  );
  for (const { start, end, source, confidence } of found) {
    assert.equal(text.slice(start, end), source);
    assert.ok(confidence > 0.5 && confidence <= 1);
  }
});

test('nothing is found with confidence where no field is, and nothing at all in an empty text', () => {
  assert.deepEqual(
    tag('We would like to pay in cash, please.').filter(({ confidence }) => confidence > 0.5),
    [],
  );
  assert.deepEqual([tag(''), tag(' \n ')], [[], []]);
});

test('offsets are UTF-16 code units, also behind signs of two units', () => {
  const text = '😀 Send a large one to Ada Smith, please.';
  for (const { start, end, source } of tag(text)) assert.equal(text.slice(start, end), source);
  assert.equal(tag(text)[0]!.source, 'large');
});

test('the report is measured on texts that the measured taggers had not seen', () => {
  assert.deepEqual(Object.keys(byField!), fields);
  for (const { precision, recall, support, threshold, rulesPrecision } of Object.values(byField!)) {
    assert.ok(precision > 0.9 && recall > 0.9, `${precision} ${recall}`);
    assert.deepEqual([support, rulesPrecision], [45, undefined]);
    assert.ok(threshold >= 0.5 && threshold <= 0.95);
  }
  const noise = Array.from({ length: 60 }, (_, i) => {
    const number = String(1000 + ((i * i * 7919) % 8999));
    const text = `order ${number} today`;
    return (i * i * 31) % 11 < 5 ? mark(text, { size: number }) : mark(text, {});
  });
  const hopeless = trainTagger(noise, ['size']).byField!.size!;
  assert.ok(hopeless.threshold > 0.5 && hopeless.recall < 0.9, 'what follows no rule is not measured as learnt');
});

test('what the rules found is learnt to be believed or not, and how often they are right is counted', () => {
  const hinted = examples.map((example, i): FieldExample => {
    const [first] = example.fields;
    if (!first) return example;
    return { ...example, hints: [i % 5 === 1 ? { ...first, end: first.end - 1 } : first] };
  });
  const { rulesPrecision } = trainTagger(hinted, fields).byField!.size!;
  assert.ok(rulesPrecision! > 0.5 && rulesPrecision! < 1);
});

test('fields with fewer than three marks are not learnt, and nothing is measured on fewer than twenty texts', () => {
  assert.deepEqual(learnable([...examples, mark('blue', { colour: 'blue' })], ['colour', ...fields]), fields);
  assert.equal(trainTagger(examples.slice(0, 19), fields).byField, undefined);
});

test('the same examples give the same bytes, and the bytes the same answers', () => {
  assert.deepEqual(encodeTagger(trainTagger(examples, fields).model), bytes);
  const again = createTag(decodeTagger(bytes));
  for (const { text } of examples) assert.deepEqual(again(text), tag(text));
});

test('bytes that are no tagger, of another format, cut short, damaged or not those asked for are refused', () => {
  const changed = (at: number, by: number) => Uint8Array.from(bytes, (byte, i) => (i === at ? byte ^ by : byte));
  const refused: [Uint8Array, RegExp][] = [
    [new Uint8Array(), /not a tagger/],
    [changed(0, 1), /not a tagger/],
    [changed(7, 2), /format 3, not of 1/],
    [changed(9, 0xff), /cut short|unreadable/],
    [changed(13, 0xff), /unreadable/],
    [bytes.subarray(0, 60), /cut short|unreadable/],
    [bytes.subarray(0, bytes.length - 4), /bytes where/],
    [changed(bytes.length - 1, 1), /checksum/],
  ];
  for (const [wrong, message] of refused)
    assert.throws(
      () => decodeTagger(wrong),
      (err) => err instanceof TaggerFormatError && message.test(err.message),
    );
  assert.throws(() => createTaggerCache(1).load('0'.repeat(64), bytes), /another sha256/);
});

test('the tagger that was used last stays in memory, the others go when there is no room', () => {
  const other = encodeTagger(trainTagger(examples.slice(0, 30), fields).model);
  const cache = createTaggerCache(Math.max(bytes.length, other.length));
  cache.load(sha256(bytes), bytes);
  cache.load(sha256(other), other);
  assert.equal(cache.find(sha256(bytes)), undefined);
  assert.ok(cache.find(sha256(other)));
});
