/**
 * What the language model costs and does: `npm run bench:intelligence -- <data folder> --model <file.gguf> [--template chatml] [--responses 1000] [--record]`.
 * Exit 1 when a target is missed, 2 without folder or model.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { ChatTemplate } from '#domain/model.ts';
import { createReport } from './baselines.ts';
import { measureAnswers } from './intelligence/answers.ts';
import { measureBatching } from './intelligence/batching.ts';
import { modelOf } from './intelligence/model.ts';
import { measureSpeed } from './intelligence/speed.ts';
import { readBanking77 } from './understand/data.ts';

const { values, positionals } = parseArgs({
  options: {
    model: { type: 'string' },
    template: { type: 'string', default: 'chatml' },
    responses: { type: 'string', default: '1000' },
    rounds: { type: 'string', default: '11' },
    record: { type: 'boolean', default: false },
  },
  allowPositionals: true,
});
const { say, record } = createReport('intelligence');
const [folder] = positionals;
if (!folder || !existsSync(folder) || !values.model || !existsSync(values.model)) {
  console.error(
    'Usage: npm run bench:intelligence -- <data folder> --model <file.gguf> [--template chatml] [--record]',
  );
  process.exit(2);
}

let missed = 0;
function target(name: string, value: number, least: number, unit = ''): void {
  const good = value >= least;
  if (!good) missed++;
  say(`  ${name.padEnd(52)} ${value.toFixed(2)}${unit}  target ≥ ${least}${unit}  ${good ? 'pass' : 'MISS'}`);
}
const below = (name: string, value: number, most: number, unit: string): void => {
  const good = value < most;
  if (!good) missed++;
  say(`  ${name.padEnd(52)} ${value.toFixed(1)}${unit}  target < ${most}${unit}  ${good ? 'pass' : 'MISS'}`);
};

const model = modelOf(values.model, values.template as ChatTemplate);
say(`Model ${model.entry.name}, ${Math.round(model.entry.files[0]!.bytes / 1e6)} MB`);

const speed = await measureSpeed(model, Number(values.rounds));
say(
  `\nThe same llama.cpp, bare (tokens a second): reads ${speed.bare.read.toFixed(0)}, writes ${speed.bare.write.toFixed(0)}`,
);
target('reading, ours by bare', speed.readRatio, 0.9);
target('writing without a grammar, ours by bare', speed.writeRatio, 0.9);
say(`  ${'writing with a grammar, by writing without one'.padEnd(52)} ${speed.grammarRatio.toFixed(2)}`);

// Its training part has 500 texts of 12 labels, the development part has not; nobody learns from them here.
const batching = await measureBatching(model, readBanking77(folder).train, () => undefined);
say(
  `\nClassification of ${batching.texts} texts, ${batching.options} labels: ${batching.together.toFixed(1)} ms each together, ${batching.oneByOne.toFixed(1)} ms one prompt after another; ${(batching.reusedShare * 100).toFixed(0)} % of the tokens had been read before`,
);
target('times faster', batching.ratio, 3);
say(`  ${'right labels, untrained and uncalibrated'.padEnd(52)} ${(batching.accuracy * 100).toFixed(1)} %`);

type Booking = { userInput: { text: string } };
const bookings: Booking[] = JSON.parse(readFileSync(join(folder, 'restaurant8k', 'dev.json'), 'utf8'));
const texts = bookings.map(({ userInput }) => userInput.text).slice(0, Number(values.responses));
for (const busy of [false, true]) {
  const some = busy ? texts.slice(0, Math.ceil(texts.length / 5)) : texts;
  const answers = await measureAnswers(model, some, { busy });
  say(
    `\nFive fields of ${answers.asked} responses, 8 under way${busy ? ', while another program uses up a core' : ''}: ${answers.rate.toFixed(2)} a second, p50 ${(answers.p50 / 1000).toFixed(2)} s, ${answers.places} side by side at the end, ${answers.cut} cut off`,
  );
  say(`  ${'p95 with the wait behind other responses'.padEnd(52)} ${(answers.p95Waited / 1000).toFixed(1)} s`);
  target('answers that parse and pass their schema', (answers.passed / answers.asked) * 100, 100, ' %');
  below('p95 of the inference of one response', answers.p95 / 1000, 10, ' s');
}
say(missed === 0 ? '\nAll targets are reached.' : `\n${missed} targets are missed.`);
if (values.record) record();
if (missed > 0) process.exitCode = 1;
