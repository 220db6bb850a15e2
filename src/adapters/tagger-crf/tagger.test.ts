import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { FieldExample } from '#domain/field-example.ts';
import { createCrfTagger } from './tagger.ts';

const tagger = createCrfTagger();
after(() => tagger.close());

const fields = [{ name: 'people', type: 'number' as const }];
const examples = Array.from({ length: 24 }, (_, i): FieldExample => {
  const start = 'a table for '.length;
  return { text: `a table for ${i} please`, fields: [{ name: 'people', start, end: start + String(i).length }] };
});
async function* pagesOf(...pages: FieldExample[][]) {
  yield* pages;
}

test('what was learnt in pages is the same however the pages are cut, and is found again off the thread', async () => {
  const one = await tagger.train({ pages: pagesOf(examples), fields });
  const many = await tagger.train({ pages: pagesOf(examples.slice(0, 5), [], examples.slice(5)), fields });
  assert.ok(one.outcome === 'trained' && many.outcome === 'trained');
  assert.equal(one.sha256, many.sha256);
  assert.deepEqual([one.fields, one.report.examples], [['people'], 24]);
  let reads = 0;
  const read = async () => {
    reads++;
    return one.bytes;
  };
  const ref = { sha256: one.sha256, read };
  const texts = ['a table for 7 please', 'no number here'];
  const [marked, unmarked] = await tagger.tag({ tagger: ref, texts });
  assert.equal(marked![0]?.source, '7');
  assert.ok(unmarked!.every(({ confidence }) => confidence < 0.5));
  await tagger.tag({ tagger: ref, texts });
  assert.equal(reads, 1, 'the second time it is in memory');
  assert.deepEqual(await tagger.tag({ tagger: ref, texts: [] }), []);
  const again = await tagger.train({ pages: pagesOf(examples), fields, seen: one.examplesSha256 });
  assert.equal(again.outcome, 'unchanged');
  const other = await tagger.train({ pages: pagesOf(examples.slice(1)), fields, seen: one.examplesSha256 });
  assert.equal(other.outcome, 'trained');
});

test('fewer than ten marked texts teach nothing, and it is said how many are needed', async () => {
  const training = await tagger.train({ pages: pagesOf(examples.slice(0, 9)), fields });
  assert.deepEqual(training, { outcome: 'too-few-examples', examples: 9, needed: 10 });
});

test('a training ends with the reason of an abort, and with the error of a page; the next one runs', async () => {
  const controller = new AbortController();
  const waiting = tagger.train({
    pages: (async function* () {
      yield examples;
      controller.abort(new Error('enough'));
      await new Promise(() => {});
    })(),
    fields,
    signal: controller.signal,
  });
  await assert.rejects(waiting, /enough/);
  const failing = (async function* () {
    yield examples;
    throw new Error('no page');
  })();
  await assert.rejects(tagger.train({ pages: failing, fields }), /no page/);
  assert.equal((await tagger.train({ pages: pagesOf(examples), fields })).outcome, 'trained');
});

test('bytes that are no tagger reject the call, and the next call is answered', async () => {
  const broken = { sha256: '0'.repeat(64), read: async () => new Uint8Array(20) };
  await assert.rejects(tagger.tag({ tagger: broken, texts: ['x'] }), /another sha256/);
  const trained = await tagger.train({ pages: pagesOf(examples), fields });
  assert.ok(trained.outcome === 'trained');
  const ref = { sha256: trained.sha256, read: async () => trained.bytes };
  assert.equal((await tagger.tag({ tagger: ref, texts: ['a table for 3 please'] }))[0]![0]!.source, '3');
});

test('a thread that dies rejects its call, and the next one starts another', async (t) => {
  const dying = createCrfTagger({ entry: new URL('data:text/javascript,process.exit(3)') });
  t.after(() => dying.close());
  const ref = { sha256: 'a', read: async () => new Uint8Array() };
  for (let i = 0; i < 2; i++) await assert.rejects(dying.tag({ tagger: ref, texts: ['x'] }), /ended with code 3/);
  await assert.rejects(dying.train({ pages: pagesOf(examples), fields }), /ended with code 3/);
});

test('a closed tagger refuses, and a training that runs ends', async () => {
  const closing = createCrfTagger();
  const running = closing.train({ pages: pagesOf(examples), fields });
  await Promise.all([assert.rejects(running, /closed/), closing.close()]);
  await assert.rejects(
    closing.tag({ tagger: { sha256: 'a', read: async () => new Uint8Array() }, texts: ['x'] }),
    /closed/,
  );
});
