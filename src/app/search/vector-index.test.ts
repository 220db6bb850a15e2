import assert from 'node:assert/strict';
import test from 'node:test';
import { AppError } from '#domain/errors.ts';
import { type ResponseVector, responseVector } from '#domain/response-vector.ts';
import { quantise } from '#domain/similarity.ts';
import type { Storage } from '#ports/storage.ts';
import { createVectorIndex } from './vector-index.ts';

const [model, other] = ['a'.repeat(64), 'b'.repeat(64)];
const minute = 60_000;

/** At so many degrees on a circle: the nearer the angle, the more similar. */
const angle = (degrees: number) =>
  quantise([Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180), 0, 0]);

function vectorAt(id: string, degrees: number, over: Partial<ResponseVector> = {}): ResponseVector {
  const made = { modelSha256: model!, quantised: angle(degrees), at: 0 };
  return { ...responseVector({ id, formId: 'frm_1' }, made), ...over };
}

/** An index over documents that a test adds to, as a store lists them: by time, a page at a time. */
function open(kept: ResponseVector[], options: Partial<Parameters<typeof createVectorIndex>[0]> = {}) {
  const world = { now: 10 * minute, pages: 0, pauses: 0, failingPage: -1, read: [] as string[] };
  const list = async (
    _kind: string,
    { where, from = 0, newestFirst, after, limit }: Parameters<Storage['list']>[1],
  ) => {
    await new Promise(setImmediate);
    if (world.pages === world.failingPage) throw new AppError('storage-unavailable');
    const { formId } = where as { formId: string };
    const all = kept.filter((doc) => doc.formId === formId && doc.at >= from).toSorted((a, b) => a.at - b.at);
    if (newestFirst) all.reverse();
    const start = Number(after ?? 0);
    const page = all.slice(start, start + limit);
    world.pages += 1;
    world.read.push(...page.map(({ id }) => id));
    const next = start + limit < all.length ? String(start + limit) : undefined;
    return { items: page.map((doc) => ({ revision: 1, doc })), next };
  };
  const pause = async () => {
    world.pauses += 1;
  };
  const storage = { list: list as unknown as Storage['list'] };
  const index = createVectorIndex({ storage, clock: { now: () => world.now }, pause, bytes: 2 ** 24, ...options });
  const near = async (degrees: number, count = 3, formId = 'frm_1', modelSha256 = model!) =>
    (await index.nearest({ formId, modelSha256 }, angle(degrees), count)).map(({ id }) => id);
  return { ...index, near, world };
}

const many = (count: number, over: (i: number) => Partial<ResponseVector> = (i) => ({ at: i })) =>
  Array.from({ length: count }, (_, i) => vectorAt(`rsp_${i}`, (i % 90) / 90, over(i)));

test('the most similar come first, whatever the order in which they were kept', async () => {
  const { nearest } = open([vectorAt('rsp_a', 80), vectorAt('rsp_b', 10), vectorAt('rsp_c', 45)]);
  const found = await nearest({ formId: 'frm_1', modelSha256: model! }, angle(12), 2);
  assert.deepEqual(
    found.map(({ id }) => id),
    ['rsp_b', 'rsp_c'],
  );
  assert.ok(Math.abs(found[0]!.similarity - Math.cos((2 * Math.PI) / 180)) < 0.01);
});

test('vectors of another form and of another model are not looked at', async () => {
  const { near } = open([
    vectorAt('rsp_a', 0, { formId: 'frm_2' }),
    vectorAt('rsp_b', 0, { modelSha256: other! }),
    vectorAt('rsp_c', 90),
  ]);
  assert.deepEqual(await near(0), ['rsp_c']);
  assert.deepEqual(await near(0, 3, 'frm_1', other), ['rsp_b'], 'another model is in use now');
  assert.deepEqual(await near(0, 3, 'frm_3'), []);
});

test('of thousands read over many pages the nearest one is found, and others have their turn in between', async () => {
  const kept = many(9_000);
  const { near, world } = open([...kept, vectorAt('rsp_x', 180, { at: 4_500 })]);
  assert.deepEqual(await near(180, 1), ['rsp_x']);
  assert.equal(world.pages, 46);
  assert.equal(world.pauses, 1, 'after 8,192 vectors');
});

test('a form is read once; what came since is looked for a second later, and what became visible late is found', async () => {
  const kept = [vectorAt('rsp_a', 40, { at: 1 }), vectorAt('rsp_b', 60, { at: 5 * minute })];
  const { near, world } = open(kept);
  await near(0);
  kept.push(vectorAt('rsp_late', 1, { at: 10 * minute - 59_000 }), vectorAt('rsp_new', 2, { at: 10 * minute + 10 }));
  world.read = [];
  await near(0);
  assert.deepEqual(world.read, [], 'within a second nothing is read again');
  world.now += 1_000;
  assert.deepEqual(await near(0, 2), ['rsp_late', 'rsp_new']);
  assert.deepEqual(world.read, ['rsp_late', 'rsp_new'], 'only the last minute');
  world.now += 1_000;
  assert.equal((await near(0, 10)).length, 4, 'what is read twice is there once');
});

test('what others have kept since the clock was set back is found, also where the form is full', async () => {
  for (const options of [{}, { rows: 1 }]) {
    const kept = many(5_000);
    const { near, world } = open(kept, options);
    await near(0);
    world.now -= 5 * minute;
    kept.push(vectorAt('rsp_x', 180, { at: world.now }));
    world.now += 3 * minute;
    assert.deepEqual(await near(180, 1), ['rsp_x']);
  }
});

test('what this process has just kept is found at once, and counts once', async () => {
  const kept = [vectorAt('rsp_a', 40)];
  const { near, add, world } = open(kept);
  const fresh = vectorAt('rsp_b', 1, { at: world.now });
  add(fresh);
  assert.deepEqual(await near(0), ['rsp_a'], 'a form that is not loaded is read from the store');
  add(fresh);
  add({ ...fresh, id: 'rsp_c', modelSha256: other! });
  kept.push(fresh);
  world.now += 5_000;
  assert.deepEqual(await near(0), ['rsp_b', 'rsp_a']);
});

test('a form that is too large keeps its newest, also when more come', async () => {
  const loaded: unknown[] = [];
  const { near, add, world } = open(many(5_000), { rows: 2_048, onLoaded: (one) => loaded.push(one) });
  const all = await near(0, 10_000);
  assert.equal(all.length, 2_048);
  assert.ok(all.every((id) => Number(id.slice(4)) >= 5_000 - 2_048));
  assert.equal(world.pages, 11, 'older ones are not read');
  assert.deepEqual(loaded, [{ formId: 'frm_1', modelSha256: model, count: 2_048, whole: false }]);
  add(vectorAt('rsp_new', 0, { at: world.now }));
  const after = await near(0, 10_000);
  assert.ok(after.includes('rsp_new') && after.length <= 2_048, `${after.length}`);
  const gone = all.find((id) => !after.includes(id))!;
  add(vectorAt(gone, 0, { at: world.now }));
  assert.ok((await near(0, 10_000)).includes(gone), 'what made way may come again');
});

test('forms that nobody asks about give way, and the memory stays within its bound', async () => {
  const block = 1_024 * (4 + 4 + 110);
  const formOf = (i: number) => `frm_${i % 4}`;
  const { near, bytes, world } = open(
    many(40, (i) => ({ formId: formOf(i) })),
    { bytes: 3 * block },
  );
  for (const form of ['frm_0', 'frm_1', 'frm_2', 'frm_0', 'frm_3']) {
    assert.equal((await near(0, 100, form)).length, 10);
    assert.ok(bytes() <= 3 * block);
  }
  const before = world.pages;
  await near(0, 1, 'frm_0');
  await near(0, 1, 'frm_2');
  assert.equal(world.pages, before, 'these were asked about last');
  await near(0, 1, 'frm_1');
  assert.equal(world.pages, before + 1, 'this one gave way');
});

test('whoever asks while a form is being read waits for the same reading', async () => {
  const { near, world } = open(many(1_000));
  const answers = await Promise.all([near(0), near(0), near(0)]);
  assert.deepEqual(answers[1], answers[0]);
  assert.equal(world.pages, 5);
});

test('a reading that fails half way is told, and the next one finds everything once', async () => {
  const { near, world } = open(many(1_000), { onLoaded: ({ count }) => void counts.push(count) });
  const counts: number[] = [];
  world.failingPage = 3;
  await assert.rejects(near(0), { code: 'storage-unavailable' });
  assert.deepEqual(counts, []);
  world.failingPage = -1;
  const found = await near(0, 10_000);
  assert.deepEqual([found.length, new Set(found).size], [1_000, 1_000]);
  assert.deepEqual(counts, [1_000]);
});

test('a vector of another length, which only a damaged store has, is left out', async () => {
  const { near } = open([
    vectorAt('rsp_a', 0),
    vectorAt('rsp_b', 0, { vector: 'f4AB', at: 9 }),
    vectorAt('rsp_c', 3, { at: 2 }),
  ]);
  assert.deepEqual(await near(0), ['rsp_a', 'rsp_c']);
});
