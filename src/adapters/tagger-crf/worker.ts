/** Entry of the threads that do the mathematics; started by `tagger.ts` only. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { standBack } from '#adapters/child-process/niceness.ts';
import { createFieldLesson, type FieldLesson } from '#domain/field-example.ts';
import type { TaggerTraining } from '#ports/sequence-tagger.ts';
import { encodeTagger, seenBy, sha256 } from './codec.ts';
import type { Assignment, ExamplePage, TagReply, TagRequest, TrainReply, WorkerPurpose } from './protocol.ts';
import { settings } from './settings.ts';
import { createTaggerCache } from './tagger-cache.ts';
import { learnable, trainTagger } from './train-tagger.ts';

// The tagger of a booking form (5 fields, 1,024 examples) has 0.6 MB, the largest there can be 16 MB.
const maxTaggerBytes = 64 * 1024 * 1024;

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

function serve(port: MessagePort): void {
  const taggers = createTaggerCache(maxTaggerBytes);

  function answer({ id, sha256: key, texts, hints, bytes }: TagRequest): TagReply {
    try {
      const tag = bytes ? taggers.load(key, bytes) : taggers.find(key);
      if (!tag) return { id, kind: 'tagger-missing' };
      return { id, kind: 'tagged', results: texts.map((text, i) => tag(text, hints[i])) };
    } catch (error) {
      return { id, kind: 'failed', message: messageOf(error) };
    }
  }

  port.on('message', (request: TagRequest) => port.postMessage(answer(request)));
}

/** Asks for the examples a page at a time, then learns: the pages are merged and hashed here, where nobody waits. */
function train(port: MessagePort, assignment: Assignment): void {
  const lesson = createFieldLesson(assignment.fields);
  const say = (reply: TrainReply) => port.postMessage(reply);
  port.on('message', (page: ExamplePage) => {
    if (page) {
      lesson.add(page);
      return say({ kind: 'more' });
    }
    try {
      say({ kind: 'done', training: learn(lesson.finish(), assignment) });
    } catch (error) {
      say({ kind: 'failed', message: messageOf(error) });
    }
  });
  say({ kind: 'more' });
}

function learn({ examples, sha256: lesson }: FieldLesson, { fields, seen }: Assignment): TaggerTraining {
  const examplesSha256 = seenBy(lesson);
  const learnt = learnable(examples, fields);
  const marked = examples.filter((example) => example.fields.some(({ name }) => learnt.includes(name))).length;
  if (marked < settings.minExamples)
    return { outcome: 'too-few-examples', examples: marked, needed: settings.minExamples };
  if (examplesSha256 === seen) return { outcome: 'unchanged' };
  const start = performance.now();
  const { model, ...report } = trainTagger(examples, learnt);
  const bytes = encodeTagger(model);
  const milliseconds = Math.round(performance.now() - start);
  return {
    outcome: 'trained',
    examplesSha256,
    bytes,
    sha256: sha256(bytes),
    fields: learnt,
    report: { ...report, milliseconds },
  };
}

const purpose = workerData as WorkerPurpose;
if (!parentPort) throw new Error('this file runs as a worker thread only');
standBack('understanding');
if (purpose.kind === 'train') train(parentPort, purpose);
else serve(parentPort);
