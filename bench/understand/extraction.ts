import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createRulesExtractor } from '#adapters/extractor-rules/extractor.ts';
import type { ExtractionContext, FieldSpec } from '#ports/field-extractor.ts';

/** How well the rules find what a booking form asks for, on restaurant8k: real answers with the spans people marked. */

type Label = { slot: string; valueSpan: { startIndex?: number; endIndex: number } };
type Example = { userInput: { text: string }; context?: { requestedSlots?: string[] }; labels?: Label[] };
type Score = { right: number; exact: number; found: number; marked: number };

const FIELDS: (FieldSpec & { name: string })[] = [
  { name: 'time', type: 'time' },
  { name: 'date', type: 'date' },
  { name: 'people', type: 'number' },
  { name: 'first_name', type: 'person' },
  { name: 'last_name', type: 'person' },
];
const CONTEXT: ExtractionContext = { now: Date.UTC(2018, 3, 15, 10), timeZone: 'Europe/London', region: 'GB' };

const overlaps = (a: { start: number; end: number }, b: { start: number; end: number }) =>
  a.start < b.end && b.start < a.end;

function measure(examples: Example[], fieldsOf: (example: Example) => FieldSpec[], onWrong?: (line: string) => void) {
  const extractor = createRulesExtractor();
  const scores = new Map(FIELDS.map((field) => [field.name, { right: 0, exact: 0, found: 0, marked: 0 } as Score]));
  const started = performance.now();
  const results = examples.map((example) => extractor.extract(example.userInput.text, fieldsOf(example), CONTEXT));
  const micros = ((performance.now() - started) * 1000) / examples.length;
  for (const [index, example] of examples.entries()) {
    const asked = new Set(fieldsOf(example).map((field) => field.name));
    for (const [slot, score] of scores) {
      if (!asked.has(slot)) continue;
      const marks = (example.labels ?? [])
        .filter((label) => label.slot === slot)
        .map(({ valueSpan }) => ({ start: valueSpan.startIndex ?? 0, end: valueSpan.endIndex }));
      const value = results[index]![slot];
      const hit = value && marks.find((mark) => overlaps(mark, value));
      score.marked += marks.length;
      if (value) score.found += 1;
      if (hit) score.right += 1;
      if (hit && hit.start === value.start && hit.end === value.end) score.exact += 1;
      if (onWrong && marks.length !== (hit ? 1 : 0))
        onWrong(`MISS ${slot} ${JSON.stringify(example.userInput.text)} got ${value?.source}`);
      else if (onWrong && value && !hit)
        onWrong(`FALSE ${slot} ${JSON.stringify(example.userInput.text)} got ${value.source}`);
    }
  }
  return { scores, micros };
}

function print(say: (line: string) => void, title: string, { scores, micros }: ReturnType<typeof measure>): void {
  say(`\n${title} (${micros.toFixed(0)} µs per text)`);
  say('field       precision  recall     F1   exact spans   marked');
  for (const [slot, { right, exact, found, marked }] of scores) {
    const precision = found === 0 ? 0 : right / found;
    const recall = marked === 0 ? 0 : right / marked;
    const f1 = precision + recall === 0 ? 0 : (2 * precision * recall) / (precision + recall);
    const share = right === 0 ? 0 : exact / right;
    const row = [precision, recall, f1].map((value) => value.toFixed(3).padStart(9)).join('');
    say(`${slot.padEnd(11)}${row}${`${(share * 100).toFixed(0)} %`.padStart(14)}${String(marked).padStart(9)}`);
  }
}

/**
 * `dataDir` holds `restaurant8k/dev.json`. A hit is a value of the same field whose span overlaps the marked one. Every text is read for all
 * fields; the second table reads the texts that answer one question for the fields of that question only, as a form that asks step by step.
 * A bare "6" is marked as a time or as people depending on the question: without the question the rules call it a number.
 */
export async function reportExtraction(
  dataDir: string,
  { file = 'dev.json', verbose = false, say = (line: string) => console.log(line) } = {},
): Promise<void> {
  const examples = JSON.parse(readFileSync(join(dataDir, 'restaurant8k', file), 'utf8')) as Example[];
  const wrong: string[] = [];
  measure(examples.slice(0, 200), () => FIELDS); // loads the libraries
  print(
    say,
    `restaurant8k ${file}: ${examples.length} texts, all fields asked`,
    measure(
      examples,
      () => FIELDS,
      (line) => wrong.push(line),
    ),
  );
  const answers = examples.filter((example) => example.context?.requestedSlots?.length);
  const asked = (example: Example) => FIELDS.filter((field) => example.context?.requestedSlots?.includes(field.name));
  print(
    say,
    `the ${answers.length} answers to a question, only the fields of the question asked`,
    measure(answers, asked),
  );
  say(
    '\nNames are found only after an introduction ("my name is …", "under the name …"); a bare "Jane Doe" is left to a model.' +
      `\nMemory after the run: ${(process.memoryUsage().rss / 1e6).toFixed(0)} MB.`,
  );
  if (verbose) for (const line of wrong) say(line);
}

if (import.meta.main) {
  const [dataDir, file, verbose] = process.argv.slice(2);
  if (dataDir === undefined) {
    console.error('usage: node bench/understand/extraction.ts DATA_DIR [file] [--verbose]');
    process.exitCode = 2;
  } else await reportExtraction(dataDir, { file, verbose: verbose === '--verbose' });
}
