import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openFileBlobs } from '#adapters/blobs-fs/blobs.ts';
import { createThreadedReader } from '#adapters/extractor-rules/threaded-reader.ts';
import { createCrfTagger } from '#adapters/tagger-crf/tagger.ts';
import { createTaggers } from '#app/learning/taggers.ts';
import { type GivenFields, markFields } from '#domain/field-example.ts';
import type { IntelligenceSpec } from '#domain/intelligence.ts';
import { aForm, anExampleBatch } from '../contract/storage/documents.ts';
import { createHeld } from '../support/held.ts';
import { eventually, startTestProgram, type TestProgram } from '../support/program.ts';
import { openTaskWorld, withoutLeases } from '../support/task-world.ts';

let program: TestProgram;
let form: string;

const draft = {
  definition: {
    elements: [
      { type: 'comment', name: 'message' },
      { type: 'comment', name: 'more' },
    ],
  },
  intelligence: {
    extract: {
      fields: [
        { name: 'people', type: 'number' },
        { name: 'guest', type: 'person' },
      ],
    },
  },
};
const guests = ['Ada', 'Grace', 'Edsger', 'Barbara', 'Donald', 'Margaret', 'Ken'];
const examples = Array.from({ length: 40 }, (_, i) => {
  const guest = guests[i % 7]!;
  return i % 4 === 0
    ? { text: `do you take cards? (${i})`, fields: {} }
    : { text: `put it on ${guest}, a few chairs please ${i}`, fields: { guest, people: 'a few' } };
});

before(async () => {
  program = await startTestProgram();
  form = await program.publish(draft);
});
after(() => program.stop());

const files = () => readdirSync(join(program.dir, 'blobs', 'taggers'));
const tagger = async (id = form) => (await program.call('GET', `/forms/${id}/intelligence`)).body.tagger;

async function teach(items: object[], id = form): Promise<{ trained: boolean; reason: string | null }> {
  const { body } = await program.call('POST', `/forms/${id}/examples`, { body: items });
  return (await program.finished(body.task_id)).result;
}

async function extracted(answers: object) {
  const { response_id, task_id } = await program.accepted(form, answers);
  assert.equal((await program.finished(task_id)).status, 'succeeded');
  return (await program.call('GET', `/responses/${response_id}`)).body.intelligence.extract;
}

test('too few examples train nothing, and the task says how many are needed', async () => {
  const { trained, reason } = await teach(examples.slice(0, 8));
  assert.deepEqual([trained, reason], [false, '10 texts with a field in them are needed, there are 6']);
  assert.equal(await tagger(), null);
});

test('of the taggers of a form only the newest stays on the disk', async () => {
  assert.equal((await teach(examples)).trained, true);
  assert.equal(
    (await teach([{ text: 'put it on Linus, a few chairs', fields: { guest: 'Linus', people: 'a few' } }])).trained,
    true,
  );
  assert.deepEqual(files(), [`${form}-${(await tagger()).sha256}.tagger`]);
});

test('each text is read for itself, and a place that holds no value of its type is dropped and counted', async () => {
  const more = 'put it on Zoltan, a few chairs please';
  const { fields, tagger: used } = await extracted({ message: 'do you take cards?', more });
  assert.deepEqual([fields.guest.value, fields.guest.question, fields.guest.tier], ['Zoltan', 'more', 'tagger']);
  assert.equal(more.slice(fields.guest.start, fields.guest.end), 'Zoltan');
  assert.deepEqual([fields.people, used.dropped], [undefined, 1], '"a few" is no number');
});

for (const [what, harm] of [
  ['lost', (path: string) => rmSync(path)],
  ['damaged', (path: string) => writeFileSync(path, readFileSync(path).fill(0xff, 500))],
] as const) {
  test(`a tagger whose file is ${what} leaves the response to the rules, and is made anew from its examples by itself`, async () => {
    const before = await tagger();
    harm(join(program.dir, 'blobs', 'taggers', `${form}-${before.sha256}.tagger`));
    await program.restart();
    const alone = await extracted({ message: 'put it on Zoltan, a table for 4 people' });
    assert.deepEqual([alone.fields.people.value, alone.fields.people.tier, alone.tagger], ['4', 'rules', undefined]);
    await eventually(async () => (await tagger()).trained_at !== before.trained_at);
    assert.equal((await extracted({ message: 'put it on Zoltan, a few chairs please' })).fields.guest.value, 'Zoltan');
  });
}

test('a label alone trains the head only, fields alone the tagger only, both together both', async () => {
  const labels = [{ name: 'billing' }, { name: 'delivery' }];
  const both = await program.publish({ ...draft, intelligence: { ...draft.intelligence, classify: { labels } } });
  const kinds = async (item: object) => {
    const { body } = await program.call('POST', `/forms/${both}/examples`, { body: [item] });
    const tasks = await Promise.all(body.task_ids.map((id: string) => program.finished(id)));
    return tasks.map(({ kind }) => kind);
  };
  assert.deepEqual(await kinds({ text: 'x', label: 'billing' }), ['train-head']);
  assert.deepEqual(await kinds({ text: 'x', fields: {} }), ['train-tagger']);
  assert.deepEqual(await kinds({ text: 'x', label: 'delivery', fields: {} }), ['train-head', 'train-tagger']);
});

test('of two trainings of one form at the same time, as of two workers, the second finds its work done', async (t) => {
  const { storage, clock, log } = await openTaskWorld(t);
  const folder = mkdtempSync(join(tmpdir(), 'formstead-field-learning-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const doc = aForm({ version: 0, intelligence: draft.intelligence as IntelligenceSpec });
  await storage.commit({ change: { op: 'insert', kind: 'form', doc } });
  const names = draft.intelligence.extract.fields.map(({ name }) => name);
  const items = examples.map(({ text, fields }) => ({
    text,
    fields: markFields(text, fields as GivenFields, names).marks,
  }));
  await storage.commit({ change: { op: 'insert', kind: 'examples', doc: anExampleBatch({ formId: doc.id, items }) } });
  const blobs = await openFileBlobs({ directory: folder, clock });
  const reader = createThreadedReader();
  t.after(() => reader.close());
  /** A training that has seen which tagger there is, and goes on when it is let. */
  const begin = async () => {
    const tagger = createCrfTagger();
    t.after(() => tagger.close());
    const { asked, go, work } = createHeld(tagger.train);
    const deps = { storage: withoutLeases(storage), tagger: { train: work }, reader, blobs, clock, log };
    const taggers = createTaggers({ ...deps, timeZone: 'UTC', region: undefined });
    const training = taggers.train({ taskId: 'tsk_1', lease: 'none' }, doc.id, new AbortController().signal);
    await asked;
    return () => {
      go();
      return training;
    };
  };
  const [first, second] = [await begin(), await begin()];
  const [made, same] = [await first(), await second()];
  assert.equal(made.trained, true);
  assert.deepEqual([same.trained, same.reason], [false, 'nothing new to learn']);
  assert.equal(same.tagger!.sha256, made.tagger!.sha256);
});
