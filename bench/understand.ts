/** How well texts are understood: `node bench/understand.ts <data folder>`. Exit 1 when a target is missed, 2 without a folder. */
import { existsSync } from 'node:fs';
import { type Measure, measureClassification } from './understand/classification.ts';
import { reportExtraction } from './understand/extraction.ts';

function line({ name, value, least, most, unit = '%' }: Measure): string {
  const target =
    least !== undefined ? `  target ≥ ${least} ${unit}` : most !== undefined ? `  target < ${most} ${unit}` : '';
  const verdict = target ? (reached({ name, value, least, most }) ? '  pass' : '  MISS') : '';
  return `  ${name.padEnd(48)} ${value.toFixed(2)} ${unit}${target}${verdict}`;
}

function reached({ value, least, most }: Measure): boolean {
  return (least === undefined || value >= least) && (most === undefined || value < most);
}

const folder = process.argv[2];
if (!folder || !existsSync(folder)) {
  console.error(
    'Usage: node bench/understand.ts <data folder>\nThe folder holds banking77/, clinc/, snips/ and restaurant8k/.',
  );
  process.exit(2);
}

let missed = 0;
for await (const { title, measures } of measureClassification(folder)) {
  console.log(`\n${title}`);
  for (const measure of measures) {
    console.log(line(measure));
    if (!reached(measure)) missed++;
  }
}
await reportExtraction(folder);
console.log(
  missed === 0 ? '\nAll targets of classification are reached.' : `\n${missed} targets of classification are missed.`,
);
if (missed > 0) process.exitCode = 1;
