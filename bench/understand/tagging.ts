import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createRulesExtractor } from '#adapters/extractor-rules/extractor.ts';
import { encodeTagger } from '#adapters/tagger-crf/codec.ts';
import { createTag, type Tag } from '#adapters/tagger-crf/model.ts';
import { learnable, trainTagger } from '#adapters/tagger-crf/train-tagger.ts';
import type { FieldSkill } from '#domain/extraction.ts';
import { type FoundField, joinFields, placesToRead } from '#domain/extraction.ts';
import type { FieldExample } from '#domain/field-example.ts';
import type { ExtractionContext, FieldSpec } from '#ports/field-extractor.ts';

/*
 * How well rules, tagger and both together find the fields of a form. Exact: the place that people marked, to the letter. Value: the value that the rules
 * read in the place is the one that they read in the marked place.
 */

type Say = (line: string) => void;
type Score = { exact: number; value: number; found: number; marked: number };
type Scores = Map<string, Score>;

const CONTEXT: ExtractionContext = { now: Date.UTC(2018, 3, 15, 10), timeZone: 'Europe/London', region: 'GB' };
const BOOKING: FieldSpec[] = [
  { name: 'time', type: 'time' },
  { name: 'date', type: 'date' },
  { name: 'people', type: 'number' },
  { name: 'first_name', type: 'person' },
  { name: 'last_name', type: 'person' },
];

const extractor = createRulesExtractor();
const rulesOf = (text: string, specs: FieldSpec[]) => extractor.extract(text, specs, CONTEXT);
const micros = (from: number, count: number) => ((performance.now() - from) * 1000) / Math.max(1, count);

function withHints(text: string, fields: FieldExample['fields'], specs: FieldSpec[]): FieldExample {
  const hints = Object.entries(rulesOf(text, specs)).map(([name, { start, end }]) => ({ name, start, end }));
  return { text, fields, hints };
}

function booking(dataDir: string, file: string): FieldExample[] {
  type Raw = {
    userInput: { text: string };
    labels?: { slot: string; valueSpan: { startIndex?: number; endIndex: number } }[];
  };
  const raw = JSON.parse(readFileSync(join(dataDir, 'restaurant8k', file), 'utf8')) as Raw[];
  return raw.map(({ userInput: { text }, labels = [] }) => {
    const fields = labels.map(({ slot, valueSpan }) => ({
      name: slot,
      start: valueSpan.startIndex ?? 0,
      end: valueSpan.endIndex,
    }));
    return withHints(text, fields, BOOKING);
  });
}

function intent(dataDir: string, file: string): { examples: FieldExample[]; specs: FieldSpec[] } {
  type Raw = Record<string, { data: { text: string; entity?: string }[] }[]>;
  const [raw] = Object.values(JSON.parse(readFileSync(join(dataDir, 'snips', file), 'utf8')) as Raw);
  const examples = raw!.map(({ data }): FieldExample => {
    let text = '';
    const fields: FieldExample['fields'] = [];
    for (const piece of data) {
      const end = text.length + piece.text.length;
      if (piece.entity) fields.push({ name: piece.entity, start: text.length, end });
      text += piece.text;
    }
    return { text, fields };
  });
  const names = [...new Set(examples.flatMap(({ fields }) => fields.map(({ name }) => name)))].sort();
  return { examples, specs: names.map((name) => ({ name, type: 'text' })) };
}

const readValue = (spec: FieldSpec, source: string): string | undefined =>
  spec.type === 'text' || spec.type === 'person' ? source : rulesOf(source, [spec])[spec.name]?.value;

/** What a tier answers: by field, place and value. */
type Answers = Record<string, { start: number; end: number; value: string | undefined }>;

function score(examples: FieldExample[], specs: FieldSpec[], answer: (example: FieldExample) => Answers): Scores {
  const scores: Scores = new Map(specs.map(({ name }) => [name, { exact: 0, value: 0, found: 0, marked: 0 }]));
  for (const example of examples) {
    const answers = answer(example);
    for (const spec of specs) {
      const own = scores.get(spec.name)!;
      const marks = example.fields.filter(({ name }) => name === spec.name);
      const got = answers[spec.name];
      own.marked += marks.length;
      if (!got) continue;
      own.found++;
      if (marks.some(({ start, end }) => start === got.start && end === got.end)) own.exact++;
      const rules = example.hints && rulesOf(example.text, specs)[spec.name];
      const isValue = marks.some(({ start, end }) => {
        const inSentence = rules && rules.start < end && start < rules.end ? rules.value : undefined;
        const value = inSentence ?? readValue(spec, example.text.slice(start, end));
        return start < got.end && got.start < end && value !== undefined && value === got.value;
      });
      if (isValue) own.value++;
    }
  }
  return scores;
}

const f1 = (right: number, { found, marked }: Score) => (found + marked === 0 ? 0 : (2 * right) / (found + marked));

function total(scores: Scores): Score {
  const sum: Score = { exact: 0, value: 0, found: 0, marked: 0 };
  for (const one of scores.values())
    for (const key of ['exact', 'value', 'found', 'marked'] as const) sum[key] += one[key];
  return sum;
}

function print(say: Say, title: string, scores: Scores): void {
  say(`\n${title}`);
  say('field               precision   recall  exact F1  value F1   marked');
  for (const [name, one] of [...scores, ['all', total(scores)] as const]) {
    const { exact, value, found, marked } = one;
    const share = [found === 0 ? 0 : exact / found, marked === 0 ? 0 : exact / marked, f1(exact, one), f1(value, one)];
    say(`${name.padEnd(19)}${share.map((v) => v.toFixed(3).padStart(10)).join('')}${String(marked).padStart(9)}`);
  }
}

function rulesAnswers({ text }: FieldExample): Answers {
  return rulesOf(text, BOOKING);
}

function taggerAnswers(tag: Tag, specs: FieldSpec[], skills: Record<string, FieldSkill> | undefined) {
  return ({ text, hints }: FieldExample): Answers => {
    const sure = tag(text, hints).filter(({ field, confidence }) => confidence >= (skills?.[field]?.threshold ?? 0.8));
    return Object.fromEntries(
      sure.map(({ field, start, end, source }) => {
        const spec = specs.find(({ name }) => name === field)!;
        return [field, { start, end, value: readValue(spec, source) }];
      }),
    );
  };
}

function joinedAnswers(tag: Tag, specs: FieldSpec[], skills: Record<string, FieldSkill> | undefined) {
  return ({ text, hints }: FieldExample): Answers => {
    const found = Object.entries(rulesOf(text, specs)).map(([name, value]) => [name, { ...value, text: 0 }] as const);
    const rules: Record<string, FoundField> = Object.fromEntries(found);
    const cascade = { specs, rules, tagged: tag(text, hints).map((one) => ({ ...one, text: 0 })), skills };
    const values = Object.fromEntries(
      placesToRead(cascade).map(({ spec, source }) => [spec.name, readValue(spec, source)]),
    );
    return joinFields({ ...cascade, values }).fields;
  };
}

function train(say: Say, title: string, examples: FieldExample[], specs: FieldSpec[]) {
  const fields = learnable(
    examples,
    specs.map(({ name }) => name),
  );
  const from = performance.now();
  const trained = trainTagger(examples, fields);
  const seconds = ((performance.now() - from) / 1000).toFixed(1);
  const kilobytes = Math.round(encodeTagger(trained.model).length / 1000);
  say(
    `\n${title}: trained on ${examples.length} texts in ${seconds} s (6 fits), ${kilobytes} kB, sharpness ${trained.model.sharpness}`,
  );
  for (const [name, skill] of Object.entries(trained.byField ?? {}))
    say(
      `  ${name.padEnd(26)} held out: precision ${skill.precision.toFixed(3)} recall ${skill.recall.toFixed(3)} from ${skill.threshold.toFixed(2)} on; rules ${skill.rulesPrecision?.toFixed(3) ?? '-'}`,
    );
  return { ...trained, tag: createTag(trained.model) };
}

function speed(say: Say, tag: Tag, examples: FieldExample[]): void {
  for (const { text, hints } of examples) tag(text, hints);
  const from = performance.now();
  for (const { text, hints } of examples) tag(text, hints);
  say(`  tagging: ${micros(from, examples.length).toFixed(0)} µs a text`);
}

/** Of all fields together, on what was held out of the training texts. */
function heldOutF1(examples: FieldExample[], specs: FieldSpec[]): number {
  const { byField = {} } = trainTagger(
    examples,
    specs.map(({ name }) => name),
  );
  const sum = { right: 0, found: 0, marked: 0 };
  for (const { precision, recall, support } of Object.values(byField)) {
    sum.right += recall * support;
    sum.found += precision === 0 ? 0 : (recall * support) / precision;
    sum.marked += support;
  }
  return (2 * sum.right) / (sum.found + sum.marked);
}

/** Returns the F1 of exact places of rules and tagger together on restaurant8k. */
export function reportTagging(dataDir: string, say: Say = console.log, testFile = 'dev.json'): number {
  const learnt = booking(dataDir, 'train.json');
  // By cross-validation alone where nothing may be looked at: every fifth text is held out.
  const cross = testFile === 'train.json';
  const test = cross ? learnt.filter((_, i) => i % 5 === 0) : booking(dataDir, testFile);
  const { tag, byField } = train(say, 'restaurant8k', cross ? learnt.filter((_, i) => i % 5 !== 0) : learnt, BOOKING);
  speed(say, tag, test);
  print(say, `restaurant8k ${testFile}, ${test.length} texts: rules`, score(test, BOOKING, rulesAnswers));
  print(say, 'tagger (with the hints of the rules)', score(test, BOOKING, taggerAnswers(tag, BOOKING, byField)));
  const joined = score(test, BOOKING, joinedAnswers(tag, BOOKING, byField));
  print(say, 'rules and tagger together', joined);
  const unhinted = learnt.map(({ text, fields }) => ({ text, fields }));
  const [withRules, without] = [learnt, unhinted].map((some) => heldOutF1(some, BOOKING).toFixed(3));
  say(`\ntagger alone, held out of train.json: exact F1 ${withRules} with the hints of the rules, ${without} without`);
  const all: Score[] = [];
  const together: FieldExample[] = [];
  for (const file of readdirSync(join(dataDir, 'snips')).sort()) {
    const { examples, specs } = intent(dataDir, file);
    const held = (i: number) => i % 5 === 4;
    const trained = train(
      () => {},
      file,
      examples.filter((_, i) => !held(i)),
      specs,
    );
    const scores = score(
      examples.filter((_, i) => held(i)),
      specs,
      taggerAnswers(trained.tag, specs, trained.byField),
    );
    print(say, `SNIPS ${file.split('.')[0]}: 240 texts learnt, 60 held out`, scores);
    all.push(total(scores));
    together.push(...examples);
  }
  print(say, 'SNIPS', new Map(all.map((one, i) => [`form ${i + 1}`, one])));
  const names = [...new Set(together.flatMap(({ fields }) => fields.map(({ name }) => name)))];
  const from = performance.now();
  const { model } = trainTagger(together, learnable(together, names));
  const seconds = ((performance.now() - from) / 1000).toFixed(1);
  say(`\nall SNIPS as one form: ${together.length} texts, ${model.fields.length} fields, trained in ${seconds} s`);
  speed(say, createTag(model), together);
  return f1(total(joined).exact, total(joined));
}

if (import.meta.main) {
  const [dataDir, file] = process.argv.slice(2);
  if (dataDir === undefined) {
    console.error('usage: node bench/understand/tagging.ts DATA_DIR [train.json]');
    process.exitCode = 2;
  } else reportTagging(dataDir, console.log, file);
}
