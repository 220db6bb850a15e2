import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { openFileBlobs } from '#adapters/blobs-fs/blobs.ts';
import { createNgramClassifier } from '#adapters/classifier-ngram/classifier.ts';
import { createAuditor } from '#app/audit.ts';
import { createExamples } from '#app/learning/examples.ts';
import { createHeads } from '#app/learning/heads.ts';
import type { Actor } from '#domain/actor.ts';
import type { Example } from '#domain/learning.ts';
import type { Storage } from '#ports/storage.ts';
import { aForm, anExampleBatch } from '../contract/storage/documents.ts';
import { createHeld } from '../support/held.ts';
import { eventually, startTestProgram, type TestProgram } from '../support/program.ts';
import { openTaskWorld, withoutLeases } from '../support/task-world.ts';

let program: TestProgram;
let form: string;

const labels = [{ name: 'billing' }, { name: 'delivery' }];
const draft = {
  definition: { elements: [{ type: 'comment', name: 'message' }] },
  intelligence: { classify: { labels }, respond: { instructions: 'Thank the person.' } },
};
const examples = Array.from({ length: 12 }, (_, i) =>
  i % 2
    ? { text: `the invoice ${i} has a wrong amount`, label: 'billing' }
    : { text: `parcel ${i} came late`, label: 'delivery' },
);

before(async () => {
  program = await startTestProgram();
  form = await program.publish(draft);
});
after(() => program.stop());

const files = () => readdirSync(join(program.dir, 'blobs', 'heads'));
const head = async (id = form) => (await program.call('GET', `/forms/${id}/intelligence`)).body.head;

async function teach(items: object[], id = form): Promise<{ trained: boolean }> {
  const { body } = await program.call('POST', `/forms/${id}/examples`, { body: items });
  return (await program.finished(body.task_id)).result;
}

test('of the heads of a form only the newest stays on the disk, and another form with the same examples keeps its own', async () => {
  await teach(examples);
  const other = await program.publish(draft);
  await teach(examples, other);
  assert.equal((await head()).sha256, (await head(other)).sha256, 'the same examples give the same bytes');
  assert.equal((await teach([{ text: 'charged twice this month', label: 'billing' }])).trained, true);
  assert.deepEqual(
    files().sort(),
    [`${form}-${(await head()).sha256}.head`, `${other}-${(await head(other)).sha256}.head`].sort(),
  );
});

const trainingsAnew = async (): Promise<number> => {
  const { items } = (await program.call('GET', '/tasks?limit=100')).body;
  return items.filter(({ id }: { id: string }) => id.includes('-anew-')).length;
};
const lose = (path: string) => rmSync(path);
const damage = (path: string) => writeFileSync(path, readFileSync(path).fill(0xff, 500));

for (const [what, harm] of [
  ['lost', lose],
  ['damaged', damage],
  ['lost again', lose],
] as const) {
  test(`a head whose file is ${what} does not hold up a response, and is made anew from its examples by itself, once`, async () => {
    const [before, trainings] = [await head(), await trainingsAnew()];
    const path = join(program.dir, 'blobs', 'heads', `${form}-${before.sha256}.head`);
    const whole = readFileSync(path);
    harm(path);
    await program.restart();
    const [first, second] = await Promise.all(
      ['the invoice is wrong', 'the parcel is late'].map((message) => program.accepted(form, { message })),
    );
    for (const { task_id, response_id } of [first!, second!]) {
      assert.equal((await program.finished(task_id)).status, 'succeeded');
      const { body } = await program.call('GET', `/responses/${response_id}`);
      assert.equal(body.status, 'completed');
      assert.ok(body.intelligence.respond.text);
    }
    const { body } = await program.call('GET', `/responses/${first!.response_id}`);
    assert.deepEqual(body.intelligence.skipped, { classify: 'head-missing' });

    const anew = await eventually(async () => {
      const now = await head();
      return now.trained_at !== before.trained_at && now;
    });
    assert.deepEqual(readFileSync(path), whole, 'the same examples give the same bytes');
    assert.equal(anew.sha256, before.sha256);
    const again = await program.call('POST', `/responses/${first!.response_id}/reprocess`);
    await program.finished(again.body.task_id);
    const label = await eventually(
      async () => (await program.call('GET', `/responses/${first!.response_id}`)).body.intelligence.classify,
    );
    assert.equal(label.tier, 'head');
    assert.equal(await trainingsAnew(), trainings + 1);
  });
}

/** Workers on one store, each as in a process of its own. */
async function openWorkers(t: TestContext) {
  const { storage, clock, ids, log } = await openTaskWorld(t);
  const folder = mkdtempSync(join(tmpdir(), 'formstead-learning-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const blobs = await openFileBlobs({ directory: folder, clock });
  const form = aForm({ version: 0, intelligence: { classify: { labels } } });
  await storage.commit({ change: { op: 'insert', kind: 'form', doc: form } });
  const taught = createExamples({ storage, clock, ids, audit: createAuditor({ ids, clock }), offer() {} });

  /** Its first training has seen which head there is, and reads its examples when it is let. */
  function worker() {
    const classifier = createNgramClassifier();
    t.after(() => classifier.close());
    const { work, ...held } = createHeld(classifier.train);
    /** What came of each training. */
    const outcomes: string[] = [];
    const train: typeof classifier.train = async (request) => {
      const trained = await work(request);
      outcomes.push(trained.outcome);
      return trained;
    };
    const heads = createHeads({
      storage: withoutLeases(storage),
      examples: taught,
      classifier: { train },
      blobs,
      clock,
      log,
    });
    const { signal } = new AbortController();
    return { ...held, outcomes, train: () => heads.train({ taskId: 'tsk_1', lease: 'none' }, form.id, signal) };
  }

  return {
    blobs,
    log,
    give: (items: Example[]) =>
      storage.commit({ change: { op: 'insert', kind: 'examples', doc: anExampleBatch({ formId: form.id, items }) } }),
    worker,
    /** A training of a worker of its own, under way. */
    async begin() {
      const { train, asked, go } = worker();
      const training = train();
      await asked;
      return () => {
        go();
        return training;
      };
    },
  };
}

test('a training that finds the head of before damaged makes it anew and says so; with a whole one it has nothing to do', async (t) => {
  const { blobs, log, give, begin } = await openWorkers(t);
  const train = async () => (await begin())();
  await give(examples);
  const { head } = await train();
  assert.deepEqual(log.lines, []);
  await blobs.write(head!.file, Buffer.from('something else'));
  assert.equal((await train()).trained, true);
  assert.deepEqual(
    log.lines.map(({ level, fields }) => [level, fields]),
    [['warn', { file: head!.file }]],
  );
  assert.equal((await blobs.describe(head!.file))!.sha256, head!.sha256);
  assert.equal((await train()).trained, false);
  assert.equal(log.lines.length, 1);
});

test('of two trainings of one form at the same time the second finds its work done, or is tried again when it has learnt something else', async (t) => {
  const { blobs, give, begin } = await openWorkers(t);
  await give(examples);
  const [first, second] = [await begin(), await begin()];
  const { trained, head } = await first();
  assert.equal(trained, true);
  const same = await second();
  assert.deepEqual([same.trained, same.reason], [false, 'nothing new to learn']);
  assert.equal(same.head!.sha256, head!.sha256);
  assert.ok(await blobs.describe(head!.file), 'the file of both');

  await give([{ text: 'charged twice this month', label: 'billing' }]);
  const [third, fourth] = [await begin(), await begin()];
  assert.equal((await third()).trained, true);
  await give([{ text: 'the courier never came', label: 'delivery' }]);
  await assert.rejects(fourth(), { code: 'conflict' });
});

test('in one process a training waits for another one of its form, and learns what that has left', async (t) => {
  const { give, worker } = await openWorkers(t);
  await give(examples);
  const { train, asked, go, outcomes } = worker();
  const both = [train(), train()];
  await asked;
  go();
  assert.deepEqual(
    (await Promise.all(both)).map(({ trained }) => trained),
    [true, false],
  );
  assert.deepEqual(outcomes, ['trained', 'unchanged'], 'the work is done once');
});

/** Example texts of the draft, then three uploads of which the second overrules one text, then a review. */
async function openListing(t: TestContext) {
  const world = await openTaskWorld(t);
  const { storage, clock, ids } = world;
  const doc = aForm({
    version: 0,
    intelligence: { classify: { labels: [{ name: 'billing', examples: ['own 1', 'own 2'] }, { name: 'delivery' }] } },
  });
  await storage.commit({ change: { op: 'insert', kind: 'form', doc } });
  const asked: number[] = [];
  const counting: Pick<Storage, 'commit' | 'get' | 'list'> = {
    ...storage,
    list: async (kind, query) => {
      const found = await storage.list(kind, query);
      asked.push(found.items.length);
      return found;
    },
  };
  const taught = createExamples({
    storage: counting,
    clock,
    ids,
    audit: createAuditor({ ids, clock }),
    offer() {},
  });
  const caller = { actor: { kind: 'user', id: 'usr_1', role: 'admin', sessionId: 'ses_1' } } as const;
  return {
    ...world,
    form: doc.id,
    /** Documents that each question to the store brought. */
    asked,
    upload: (items: Example[]) => taught.upload(caller, doc.id, items),
    list: (query: { limit: number; after?: string }, actor: Actor = caller.actor) =>
      taught.list({ actor }, doc.id, query),
    async all(limit: number, actor?: Actor): Promise<Example[]> {
      const items: Example[] = [];
      let after: string | undefined;
      do {
        const page = await this.list({ limit, after }, actor);
        assert.ok(page.items.length <= limit);
        items.push(...page.items);
        after = page.next;
      } while (after !== undefined);
      return items;
    },
  };
}

test('examples are listed in the order in which they count, whatever the size of a page; reviews only to who may read responses', async (t) => {
  const world = await openListing(t);
  const upload = (name: string, count: number) =>
    Array.from({ length: count }, (_, i): Example => ({ text: `${name} ${i}`, label: 'billing' }));
  const uploads = [upload('a', 1201), [{ text: 'a 7', label: 'delivery' }], upload('b', 3)];
  for (const items of uploads) await world.upload(items);
  const review = anExampleBatch({
    formId: world.form,
    source: 'review',
    at: world.clock.now() + 1,
    items: [{ text: 'what somebody wrote', label: 'billing' }],
  });
  await world.storage.commit({ change: { op: 'insert', kind: 'examples', doc: review } });
  const own: Example[] = ['own 1', 'own 2'].map((text) => ({ text, label: 'billing' }));
  const expected = [...own, ...uploads.flat(), ...review.items];
  for (const limit of [1000, 500, 499, 7, 1]) assert.deepEqual(await world.all(limit), expected, `pages of ${limit}`);
  const outsider: Actor = { kind: 'token', id: 'tok_1', scopes: ['forms:read'] };
  for (const limit of [1000, 3]) assert.deepEqual(await world.all(limit, outsider), expected.slice(0, -1));
  for (const after of ['x', '1', '-1@', '1.5@definition', '0@nowhere'])
    await assert.rejects(world.list({ limit: 5, after }), { code: 'bad-cursor' });
});

test('a page of examples reads what it shows and not the whole set', async (t) => {
  const world = await openListing(t);
  await world.upload(Array.from({ length: 20_000 }, (_, i) => ({ text: `text ${i}`, label: 'billing' })));
  const read = async (query: { limit: number; after?: string }) => {
    world.asked.length = 0;
    const { next } = await world.list(query);
    return { next, documents: world.asked.reduce((sum, count) => sum + count, 0) };
  };
  const own = await read({ limit: 1 });
  assert.equal(own.documents, 0, 'the examples of the definition are not in batches');
  const first = await read({ limit: 1, after: (await read({ limit: 1, after: own.next })).next });
  assert.equal(first.documents, 1);
  const long = await read({ limit: 1000, after: first.next });
  assert.ok(long.documents <= 5, `${long.documents} of 40 documents`);
});
