import assert from 'node:assert/strict';
import { genesis } from '#domain/receipt.ts';
import { rootTaskId } from '#domain/task.ts';
import type { SignedHead } from '#ports/storage.ts';
import { checkedLinks } from './chain-check.ts';
import { aForm, aResponse, aTask, itsTask, t0 } from './documents.ts';
import { claimed, insert, insertion, keep, noun, outcomes, type StoreUnderTest, times, updating } from './kit.ts';

export function receiptRules(under: StoreUnderTest): void {
  noun(under, 'receipts', ({ alone }) => {
    alone('an empty store has no head, no chain that leads anywhere, and no link', async (storage) => {
      assert.equal(await storage.receipts.head(), undefined);
      assert.deepEqual(await storage.receipts.links(0, 10), []);
      await insert(storage, 'form', aForm());
      assert.equal(await storage.receipts.head(), undefined);
    });

    alone('each response is the next link of one chain that begins at genesis', async (storage) => {
      const responses = times(60, (i) => aResponse({ answers: { i } }));
      const first = await keep(storage, insertion('response', responses[0]!));
      assert.equal(first.receipt!.previous, genesis);
      const rest = await Promise.all(responses.slice(1).map((doc) => keep(storage, insertion('response', doc))));
      const links = await checkedLinks(storage);
      assert.deepEqual(
        links.map(({ receipt }) => receipt.seq),
        times(60, (i) => i + 1),
      );
      const given = new Map([first, ...rest].map(({ receipt }, i) => [responses[i]!.id, receipt]));
      for (const { response, receipt } of links) assert.deepEqual(given.get(response.id), receipt);
      const last = links.at(-1)!.receipt;
      assert.deepEqual(await storage.receipts.head(), { chain: last.chain, seq: 60, sha256: last.sha256 });
      const chains = await storage.receipts.chains();
      assert.deepEqual(
        chains.map(({ id, previous, signed }) => ({ id, previous, signed })),
        [{ id: last.chain, previous: undefined, signed: undefined }],
      );
    });

    alone('a response that is refused uses no number up', async (storage) => {
      const docs = times(40, (i) => aResponse({ idempotency: `key-${i % 4}` }));
      const results = await Promise.all(docs.map((doc) => storage.commit(insertion('response', doc))));
      assert.equal(outcomes(results, 'committed').length, 4);
      await storage.commit(insertion('response', aResponse(), { cause: { taskId: 'tsk_none', lease: 'lse_none' } }));
      await insert(storage, 'response', aResponse());
      const links = await checkedLinks(storage);
      assert.deepEqual(
        links.map(({ receipt }) => receipt.seq),
        [1, 2, 3, 4, 5],
      );
    });

    alone('an update of a response adds no link', async (storage) => {
      const response = aResponse();
      await insert(storage, 'response', response);
      const head = await storage.receipts.head();
      await keep(storage, updating('response', { ...response, status: 'completed' }, 1));
      assert.deepEqual(await storage.receipts.head(), head);
      assert.equal((await checkedLinks(storage)).length, 1);
    });

    alone(
      'a store that is opened again begins a chain that names the head of the one before',
      async (storage, place) => {
        await insert(storage, 'response', ...times(3, () => aResponse()));
        const head = await storage.receipts.head();
        await storage.close();
        const again = await place.open();
        assert.equal(await again.receipts.head(), undefined, 'this process has written nothing yet');
        const next = await keep(again, insertion('response', aResponse()));
        assert.notEqual(next.receipt!.chain, head!.chain);
        assert.deepEqual([next.receipt!.seq, next.receipt!.previous], [1, head!.sha256]);
        const chains = await again.receipts.chains();
        assert.deepEqual(
          chains.map(({ id, previous }) => ({ id, previous })),
          [
            { id: head!.chain, previous: undefined },
            { id: next.receipt!.chain, previous: head },
          ],
        );
        assert.equal((await checkedLinks(again)).length, 4);
      },
    );

    alone(
      'a write that fails leaves the chains whole, and the responses beside it have their links',
      async (storage, place) => {
        for (let round = 0; round < 5; round++) {
          const good = times(9, () => insertion('response', aResponse()));
          const bad = insertion('response', aResponse());
          const wishes = [...good.slice(0, round * 2), place.spoiled(bad), ...good.slice(round * 2)];
          const results = await Promise.allSettled(wishes.map((commit) => storage.commit(commit)));
          assert.equal(results.filter(({ status }) => status === 'rejected').length, 1);
        }
        const links = await checkedLinks(storage);
        assert.equal(links.length, 45);
        const last = links.at(-1)!.receipt;
        const { receipt } = await keep(storage, insertion('response', aResponse()));
        assert.equal(receipt!.previous, last.sha256);
        assert.equal((await checkedLinks(storage)).length, 46);
      },
    );

    alone('a chain keeps the newest signature over its head', async (storage) => {
      await insert(storage, 'response', aResponse());
      for (const at of [t0, t0 + 1]) {
        const { chain, ...head } = (await storage.receipts.head())!;
        const signed: SignedHead = { ...head, keyId: 'k1', signature: 'c2lnbmVk', at };
        await storage.receipts.sign(chain, signed);
        const chains = await storage.receipts.chains();
        assert.deepEqual(chains.find(({ id }) => id === chain)?.signed, signed);
        await insert(storage, 'response', aResponse());
      }
    });

    alone('links are walked a page at a time, each with the tasks of its response', async (storage) => {
      const responses = times(7, () => aResponse());
      for (const response of responses) {
        const step = aTask({ id: `${rootTaskId(response.id)}:deliver`, root: rootTaskId(response.id) });
        await keep(storage, insertion('response', response, { tasks: [itsTask(response), step] }));
      }
      await insert(storage, 'response', aResponse());
      const { lease, task } = await claimed(storage, itsTask(responses[2]!).id);
      await keep(storage, {
        change: { op: 'settle', id: task.id, lease, settlement: { status: 'succeeded' }, now: t0 },
      });
      const all = await storage.receipts.links(0, 100);
      const paged = [];
      for (let after = 0; ; after = paged.at(-1)!.position) {
        const page = await storage.receipts.links(after, 3);
        if (page.length === 0) break;
        assert.ok(page.length <= 3);
        paged.push(...page);
      }
      assert.deepEqual(paged, all);
      assert.deepEqual(
        all.slice(0, 7).map(({ response }) => response.id),
        responses.map(({ id }) => id),
      );
      assert.deepEqual(
        all[2]!.steps.toSorted((a, b) => (a.id < b.id ? -1 : 1)),
        [
          { id: `${rootTaskId(responses[2]!.id)}:deliver`, status: 'pending' },
          { id: itsTask(responses[2]!).id, status: 'succeeded' },
        ],
      );
      assert.deepEqual(all[7]!.steps, []);
    });
  });
}
