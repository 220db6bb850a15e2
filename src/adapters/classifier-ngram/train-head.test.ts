import assert from 'node:assert/strict';
import test from 'node:test';
import { encodeHead } from './codec.ts';
import { createScorer, type Head, judge } from './head.ts';
import { seededRandom } from './random.ts';
import { trainHead } from './train-head.ts';

const classifier = (head: Head) => {
  const score = createScorer(head);
  return (text: string) => judge(head, score(text), head.report.threshold);
};

const topics = {
  billing: ['invoice', 'charged', 'payment', 'refund', 'price', 'receipt', 'bill', 'fee'],
  delivery: ['parcel', 'shipping', 'arrived', 'courier', 'package', 'tracking', 'delayed', 'address'],
  account: ['password', 'login', 'email', 'profile', 'username', 'locked', 'signin', 'reset'],
};
const filler = ['please', 'my', 'the', 'is', 'why', 'hello', 'today', 'about', 'can', 'you', 'i', 'have'];

/** Texts of a topic: two of its words among filler. */
function texts(topic: keyof typeof topics, count: number, seed: number): string[] {
  const random = seededRandom(seed);
  const one = (of: string[]) => of[Math.floor(random() * of.length)]!;
  return Array.from({ length: count }, () =>
    [one(filler), one(topics[topic]), one(filler), one(filler), one(topics[topic])].join(' '),
  );
}

const names = Object.keys(topics) as (keyof typeof topics)[];
const examples = names.flatMap((label, i) => texts(label, 30, i + 1).map((text) => ({ text, label })));

test('texts that training has not seen get their label', () => {
  const classify = classifier(trainHead({ examples, none: [], allowNone: false }));
  const fresh = names.flatMap((label, i) => texts(label, 40, i + 100).map((text) => ({ text, label })));
  const right = fresh.filter(({ text, label }) => classify(text).label === label).length;
  assert.ok(right >= 114, `${right} of 120`);
});

test('the same examples give the same bytes, others give other bytes', () => {
  const bytes = () => encodeHead(trainHead({ examples, none: [], allowNone: true }));
  assert.deepEqual(bytes(), bytes());
  assert.notDeepEqual(bytes(), encodeHead(trainHead({ examples: examples.slice(1), none: [], allowNone: true })));
});

test('two labels with three examples each are enough', () => {
  const few = [
    ...['the parcel is late', 'where is my parcel', 'parcel not arrived'].map((text) => ({ text, label: 'delivery' })),
    ...['i was charged twice', 'refund my payment', 'wrong invoice'].map((text) => ({ text, label: 'billing' })),
  ];
  const head = trainHead({ examples: few, none: [], allowNone: false });
  const classify = classifier(head);
  assert.equal(classify('my parcel please').label, 'delivery');
  assert.equal(classify('the invoice is wrong').label, 'billing');
  assert.equal(head.report.examples, 6);
  assert.ok(head.report.accuracy !== undefined && head.report.accuracy >= 0 && head.report.accuracy <= 1);
});

test('one example for each label trains a head that knows nothing of its own accuracy', () => {
  const head = trainHead({
    examples: [
      { text: 'parcel', label: 'a' },
      { text: 'invoice', label: 'b' },
    ],
    none: [],
    allowNone: true,
  });
  assert.equal(head.report.accuracy, undefined);
  assert.equal(head.report.threshold, 0.6);
  assert.equal(classifier(head)('parcel').label, 'a');
});

test('fewer than two labels are refused', () => {
  assert.throws(() => trainHead({ examples: [], none: ['x'], allowNone: true }), /at least two labels/);
  assert.throws(() => trainHead({ examples: [{ text: 'x', label: 'a' }], none: [], allowNone: false }), /there are 1/);
});

const outside = [
  'tell me a joke about cats',
  'what is the capital of norway',
  'sing a song',
  'who won the match',
  'how tall is everest',
  'bake bread with rye',
  'play some jazz',
  'draw a horse',
];

test('texts unlike any label are "none", with and without texts to learn that from', () => {
  for (const none of [[], outside.slice(0, 5)]) {
    const classify = classifier(trainHead({ examples, none, allowNone: true }));
    assert.equal(classify('zebra xylophone quartz').label, undefined, `${none.length} none texts`);
    const kept = names.flatMap((label, i) => texts(label, 40, i + 200).map((text) => classify(text).label === label));
    assert.ok(kept.filter(Boolean).length >= 102, `${kept.filter(Boolean).length} of 120`);
  }
});

test('"none" is never said where the form does not allow it', () => {
  const classify = classifier(trainHead({ examples, none: outside, allowNone: false }));
  for (const text of [...outside, '', 'zebra']) assert.notEqual(classify(text).label, undefined);
});

test('a verdict carries a confidence within 0…1 and at most three other labels, best first', () => {
  const many = Array.from({ length: 6 }, (_, k) =>
    [0, 1, 2, 3].map((i) => ({ text: `topic${k} word${i}`, label: `label ${k}` })),
  ).flat();
  const said = classifier(trainHead({ examples: many, none: [], allowNone: false }))('topic3 something');
  assert.equal(said.label, 'label 3');
  assert.equal(said.alternatives.length, 3);
  const all = [said.confidence, ...said.alternatives.map((other) => other.confidence)];
  assert.deepEqual(
    all,
    [...all].sort((a, b) => b - a),
  );
  assert.ok(all.every((p) => p >= 0 && p <= 1));
  assert.ok(!said.alternatives.some((other) => other.label === said.label));
});

test('a text between two labels abstains, a plain one does not', () => {
  const classify = classifier(trainHead({ examples, none: [], allowNone: false }));
  assert.equal(classify('invoice refund payment charged').abstained, false);
  assert.equal(classify('hello').abstained, true);
});

test('languages without spaces between words are learnt as well', () => {
  const chinese = [
    ...['我要退款', '请退钱给我', '退款什么时候到', '多收了钱'].map((text) => ({ text, label: '退款' })),
    ...['包裹还没到', '快递在哪里', '我的包裹丢了', '什么时候送到'].map((text) => ({ text, label: '快递' })),
  ];
  const classify = classifier(trainHead({ examples: chinese, none: [], allowNone: false }));
  assert.equal(classify('想要退款').label, '退款');
  assert.equal(classify('包裹在哪里呢').label, '快递');
});

test('empty, very long and strange texts train and are classified', () => {
  const strange = [
    ...examples,
    { text: '', label: 'billing' },
    { text: '\ud800\u0000', label: 'account' },
    { text: 'x'.repeat(50_000), label: 'delivery' },
  ];
  const classify = classifier(
    trainHead({ examples: strange, none: ['', '💥', '💥', '💥', '💥', '💥'], allowNone: true }),
  );
  for (const text of ['', '💥💥', 'refund '.repeat(20_000), '\u202e']) {
    const said = classify(text);
    assert.ok(said.confidence >= 0 && said.confidence <= 1, `${text.slice(0, 10)}: ${said.confidence}`);
  }
});

test('the word "constructor" and its like are labels as any other', () => {
  const odd = ['__proto__', 'constructor', 'toString'].flatMap((label) =>
    [0, 1, 2].map((i) => ({ text: `${label} text ${i}`, label })),
  );
  const head = trainHead({ examples: odd, none: [], allowNone: false });
  assert.deepEqual([...head.labels].sort(), ['__proto__', 'constructor', 'toString']);
  assert.equal(classifier(head)('constructor text').label, 'constructor');
});
