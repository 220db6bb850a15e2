import { parentPort } from 'node:worker_threads';
import { standBack } from '#adapters/child-process/niceness.ts';
import { createRulesExtractor } from './extractor.ts';
import type { ReadAnswer, ReadRequest } from './threaded-reader.ts';

/* The thread in which texts are read: dates alone take a millisecond, too long for a thread that answers requests. */
standBack('understanding');
const extractor = createRulesExtractor();
const port = parentPort!;

port.on('message', ({ id, texts, fields, context }: ReadRequest) => {
  const answer: ReadAnswer = { id };
  try {
    const language = extractor.language(texts.join('\n\n'));
    const personal = texts.flatMap((text, index) =>
      extractor.personal(text, { ...context, language }).map((span) => ({ ...span, text: index })),
    );
    answer.reading = { language, fields: {}, personal };
    for (const [index, text] of texts.entries()) {
      const missing = fields.filter(({ name }) => !Object.hasOwn(answer.reading!.fields, name));
      if (missing.length === 0) break;
      for (const [name, value] of Object.entries(extractor.extract(text, missing, { ...context, language }))) {
        answer.reading.fields[name] = { ...value, text: index };
      }
    }
  } catch (err) {
    answer.reading = undefined;
    answer.error = (err as Error).message;
  }
  port.postMessage(answer);
});
