import { readFileSync } from 'node:fs';

const folder = new URL('../../../examples/', import.meta.url);

export type ExampleResponse = {
  answers: Record<string, unknown>;
  expect: { label?: string | null; fields?: Record<string, string>; language?: string };
};
export type ExampleForm = {
  name: string;
  form: { title: string; slug: string; [key: string]: unknown };
  training: { text: string; label: string | null }[];
  responses: ExampleResponse[];
};

/** The forms, the texts they learn from and the responses of `examples/`. */
export function readExamples(): ExampleForm[] {
  return ['support-request', 'booking', 'product-feedback'].map((name) => ({
    name,
    form: JSON.parse(read(name, 'form.json')),
    training: lines(name, 'training.jsonl'),
    responses: lines(name, 'responses.jsonl'),
  }));
}

function read(name: string, file: string): string {
  return readFileSync(new URL(`${name}/${file}`, folder), 'utf8');
}

function lines<T>(name: string, file: string): T[] {
  return read(name, file)
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => JSON.parse(line) as T);
}
