/** Entry of the threads that do the mathematics; started by `classifier.ts` only. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { standBack } from '#adapters/child-process/niceness.ts';
import { createLesson, type Lesson } from '#domain/learning.ts';
import type { Training } from '#ports/text-classifier.ts';
import { encodeHead, sha256 } from './codec.ts';
import { createVectors, type Vectors } from './dense/vectors.ts';
import { createHeadCache } from './head-cache.ts';
import type { Assignment, ClassifyReply, ClassifyRequest, NextPage, TrainReply, WorkerPurpose } from './protocol.ts';
import { trainHead } from './train-head.ts';

// A head of 77 labels and 10,000 examples has 5 MB, one of 10 labels and 300 examples 0.7 MB (bench/understand.ts prints sizes).
const maxHeadBytes = 64 * 1024 * 1024;

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

function serve(port: MessagePort): void {
  const heads = createHeadCache(maxHeadBytes);

  function answer({ id, sha256: key, texts, embeddings, bytes }: ClassifyRequest): ClassifyReply {
    try {
      const classify = bytes ? heads.load(key, bytes) : heads.find(key);
      if (!classify) return { id, kind: 'head-missing' };
      const results = texts.map((text, i) => {
        const vector = embeddings?.vectors[i];
        return classify(text, vector && { modelSha256: embeddings!.modelSha256, vector });
      });
      return { id, kind: 'classified', results };
    } catch (error) {
      return { id, kind: 'failed', message: messageOf(error) };
    }
  }

  port.on('message', (request: ClassifyRequest) => port.postMessage(answer(request)));
}

/** Asks for the examples a page at a time, then learns: the pages are merged and hashed here, where nobody waits. */
function train(port: MessagePort, assignment: Assignment): void {
  const lesson = createLesson(assignment);
  const vectors = createVectors();
  const say = (reply: TrainReply) => port.postMessage(reply);
  port.on('message', (page: NextPage) => {
    if (page) {
      lesson.add(page.examples);
      vectors.add(page);
      return say({ kind: 'more' });
    }
    try {
      say({ kind: 'done', training: learn(lesson.finish(), vectors, assignment) });
    } catch (error) {
      say({ kind: 'failed', message: messageOf(error) });
    }
  });
  say({ kind: 'more' });
}

function learn(lesson: Lesson, vectors: Vectors, { allowNone, seen }: Assignment): Training {
  const { examples, none, labels, sha256: examplesSha256 } = lesson;
  if (labels < 2) return { outcome: 'too-few-labels', labels };
  const embedded = vectors.of([...examples.map(({ text }) => text), ...(allowNone ? none : [])]);
  // A head that knows embeddings stays while the embedder is away: it answers without them as well as a new one would.
  const known = embedded === undefined || embedded.modelSha256 === seen?.embeddingSha256;
  if (examplesSha256 === seen?.examplesSha256 && known) return { outcome: 'unchanged' };
  const start = performance.now();
  const head = trainHead({ examples, none, allowNone, ...(embedded && { embedded }) });
  const bytes = encodeHead(head);
  const report = { ...(head.dense ?? head).report, milliseconds: Math.round(performance.now() - start) };
  const learnt = { examplesSha256, ...(embedded && { embeddingSha256: embedded.modelSha256 }) };
  return { outcome: 'trained', ...learnt, bytes, sha256: sha256(bytes), labels: head.labels, report };
}

const purpose = workerData as WorkerPurpose;
if (!parentPort) throw new Error('this file runs as a worker thread only');
standBack('understanding');
if (purpose.kind === 'train') train(parentPort, purpose);
else serve(parentPort);
