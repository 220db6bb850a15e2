import assert from 'node:assert/strict';
import { countedValues } from '#ports/storage.ts';
import { aForm, anEntry, aResponse, aTask, classified, newId, t0 } from './documents.ts';
import { found, insert, insertion, insertTasks, keep, noun, type StoreUnderTest, sequenceOf, updating } from './kit.ts';

export function responseRules(under: StoreUnderTest): void {
  noun(under, 'responses', ({ rule, alone }) => {
    alone('the sequence grows with every commit that touches a response, and with no other', async (storage) => {
      const response = aResponse();
      const steps: [what: string, grows: boolean, step: () => Promise<unknown>][] = [
        ['an insert', true, () => keep(storage, insertion('response', response))],
        ['a refused insert', false, () => storage.commit(insertion('response', response))],
        ['an update', true, () => keep(storage, updating('response', { ...response, status: 'completed' }, 1))],
        ['a conflict', false, () => storage.commit(updating('response', response, 1))],
        ['a form', false, () => insert(storage, 'form', aForm())],
        ['a task', false, () => insertTasks(storage, aTask())],
        ['an audit entry', false, () => keep(storage, { change: { op: 'none' }, audit: [anEntry()] })],
        ['a read', false, () => found(storage, 'response', response.id)],
        ['a ping', false, () => storage.ping()],
        [
          'a removal',
          true,
          () => keep(storage, { change: { op: 'remove', kind: 'response', id: response.id, expect: 2 } }),
        ],
      ];
      for (const [what, grows, step] of steps) {
        const before = await sequenceOf(storage);
        await step();
        const after = await sequenceOf(storage);
        assert.ok(grows ? after > before : after === before, `${what}: ${before} → ${after}`);
      }
    });

    rule('a response keeps its receipt through an update', async (storage) => {
      const response = aResponse();
      const { receipt } = await keep(storage, insertion('response', response));
      const { doc } = await found(storage, 'response', response.id);
      await keep(storage, updating('response', { ...doc, status: 'completed' }, 1));
      assert.deepEqual(await storage.get('response', response.id), {
        revision: 2,
        doc: { ...doc, status: 'completed', receipt },
      });
    });

    rule('analytics count one form by day, by label and by answer', async (storage) => {
      const formId = newId('frm');
      const label = (name: string | null, needsReview = false) => ({
        understanding: { classify: classified(name, needsReview) },
      });
      const given = (day: number, answers: Record<string, string | number | boolean | string[]>) => ({
        formId,
        answers,
        day: `2026-11-0${day}`,
        now: t0 + day * 86_400_000,
      });
      await insert(
        storage,
        'response',
        aResponse(given(1, { colour: 'red', rating: 5, happy: true, tags: ['a', 'b'] }), label('praise')),
        aResponse(given(1, { colour: 'red', rating: 4, happy: false, tags: ['b'] }), label('praise')),
        aResponse(given(2, { colour: 'Red', rating: 4.5, happy: true }), label('complaint', true)),
        aResponse(given(3, { colour: 'größe "x"', rating: 4, tags: ['b', 'c'] }), label(null)),
        aResponse(given(3, { other: 'x' })),
        aResponse(given(3, {}), { ...label('praise'), review: { label: 'complaint', by: 'usr_1', at: t0 } }),
        aResponse({ answers: { colour: 'red' } }, label('praise')),
      );
      const counts = await storage.responses.analytics({
        formId,
        fields: ['colour', 'rating', 'happy', 'tags', 'none'],
      });
      assert.equal(counts.total, 6);
      assert.deepEqual(counts.perDay, [
        { day: '2026-11-01', count: 2 },
        { day: '2026-11-02', count: 1 },
        { day: '2026-11-03', count: 3 },
      ]);
      assert.deepEqual(bySize(counts.byLabel), [
        { label: 'praise', count: 2 },
        { label: null, count: 1 },
        { label: 'complaint', count: 1 },
      ]);
      assert.equal(counts.unlabelled, 2);
      assert.deepEqual(Object.keys(counts.byField), ['colour', 'rating', 'happy', 'tags', 'none']);
      assert.deepEqual(bySize(counts.byField.colour!), [
        { value: 'red', count: 2 },
        { value: 'Red', count: 1 },
        { value: 'größe "x"', count: 1 },
      ]);
      assert.deepEqual(bySize(counts.byField.rating!), [
        { value: 4, count: 2 },
        { value: 4.5, count: 1 },
        { value: 5, count: 1 },
      ]);
      assert.deepEqual(bySize(counts.byField.happy!), [
        { value: true, count: 2 },
        { value: false, count: 1 },
      ]);
      assert.deepEqual(bySize(counts.byField.tags!), [
        { value: 'b', count: 3 },
        { value: 'a', count: 1 },
        { value: 'c', count: 1 },
      ]);
      assert.deepEqual(counts.byField.none, []);
    });

    rule(
      'analytics count each number that JavaScript has once, and nothing but numbers, booleans and short texts',
      async (storage) => {
        const formId = newId('frm');
        // The last ones: below and beyond what SQLite has as whole numbers.
        const numbers = [0, -1, 0.1 + 0.2, 2 ** 31, 2 ** 53, -(2 ** 60), 1e19];
        const [longest, emoji] = ['L'.repeat(countedValues.longest), '😀'.repeat(countedValues.longest)];
        const texts = [longest, `${longest}x`, emoji, `${emoji}x`];
        const choices = [...numbers, ...numbers, ...texts, null, { a: 1 }];
        await insert(
          storage,
          'response',
          ...choices.map((choice) => aResponse({ formId, answers: { choice, box: [choice] } })),
        );
        const { byField } = await storage.responses.analytics({ formId, fields: ['choice', 'box'] });
        const counted = new Map<unknown, number>([...numbers.map((n) => [n, 2] as const), [longest, 1], [emoji, 1]]);
        for (const values of Object.values(byField))
          assert.deepEqual(new Map(values.map(({ value, count }) => [value, count])), counted);
      },
    );

    rule(
      'analytics give the most frequent values of each question, and no more of one than they may',
      async (storage) => {
        const formId = newId('frm');
        const many = Array.from({ length: countedValues.most + 1 }, (_, i) => i);
        const often = many.slice(1);
        await insert(
          storage,
          'response',
          aResponse({ formId, answers: { box: many, other: 'x' } }),
          aResponse({ formId, answers: { box: often } }),
        );
        const { byField } = await storage.responses.analytics({ formId, fields: ['box', 'other'] });
        assert.deepEqual(
          new Map(byField.box!.map(({ value, count }) => [value, count])),
          new Map(often.map((n) => [n, 2])),
        );
        assert.deepEqual(byField.other, [{ value: 'x', count: 1 }]);
      },
    );

    rule('analytics of a time range include its start and exclude its end', async (storage) => {
      const formId = newId('frm');
      for (const i of [0, 1, 2, 3])
        await insert(storage, 'response', aResponse({ formId, now: t0 + i, answers: { n: i } }));
      const counts = await storage.responses.analytics({ formId, fields: ['n'], from: t0 + 1, to: t0 + 3 });
      assert.equal(counts.total, 2);
      assert.deepEqual(counts.byField.n!.map(({ value }) => value).toSorted(), [1, 2]);
      const none = await storage.responses.analytics({ formId: newId('frm'), fields: [] });
      assert.deepEqual(none, { total: 0, perDay: [], byLabel: [], unlabelled: 0, byField: {} });
    });
  });
}

/** Most frequent first; equals in an order of our own. */
function bySize<T extends { count: number; value?: unknown; label?: unknown }>(rows: T[]): T[] {
  const counts = rows.map(({ count }) => count);
  assert.deepEqual(
    counts,
    counts.toSorted((a, b) => b - a),
    'most frequent first',
  );
  const text = (row: T) => String(row.value ?? row.label ?? '');
  return rows.toSorted((a, b) => b.count - a.count || (text(a) < text(b) ? -1 : 1));
}
