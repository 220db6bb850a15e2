import assert from 'node:assert/strict';
import type { Documents, Keyed, Storage } from '#ports/storage.ts';
import { aForm, aResponse, aToken, aUser, t0 } from './documents.ts';
import { found, insert, insertion, keep, noun, outcomes, plain, type StoreUnderTest, times, updating } from './kit.ts';

type Case = { [K in Keyed]: { kind: K; keyed(key: string): Documents[K] } }[Keyed];

const cases: Case[] = [
  { kind: 'form', keyed: (slug) => aForm({ slug }) },
  { kind: 'user', keyed: (email) => aUser({ email }) },
  { kind: 'token', keyed: (hash) => aToken({ hash }) },
  { kind: 'response', keyed: (idempotency) => aResponse({ idempotency }) },
];

export function keyRules(under: StoreUnderTest): void {
  noun(under, 'unique keys', ({ rule }) => {
    for (const { kind, keyed } of cases) keyRulesOf(rule, kind, keyed);

    rule(
      'an update that takes the key of another document is refused with its id, and changes nothing',
      async (storage) => {
        const [first, second] = [aForm({ slug: 'taken' }), aForm({ slug: 'free' })];
        await insert(storage, 'form', first, second);
        const taking = updating('form', { ...second, slug: 'taken', title: 'changed' }, 1);
        assert.deepEqual(await storage.commit(taking), { outcome: 'exists', id: first.id });
        assert.deepEqual(await storage.get('form', second.id), { revision: 1, doc: plain(second) });
      },
    );

    rule('an update that changes the key moves the document there and frees the old key', async (storage) => {
      const form = aForm({ slug: 'old-slug' });
      await insert(storage, 'form', form);
      await keep(storage, updating('form', { ...form, slug: 'new-slug' }, 1));
      assert.equal((await storage.getByKey('form', 'new-slug'))?.doc.id, form.id);
      assert.equal(await storage.getByKey('form', 'old-slug'), undefined);
      await insert(storage, 'form', aForm({ slug: 'old-slug' }));
    });

    rule('keys differ by letter case and by every character', async (storage) => {
      const slugs = ['case', 'Case', 'case ', 'cäse', 'ca\u0308se', 'case\u200b'];
      await insert(storage, 'form', ...slugs.map((slug) => aForm({ slug })));
      for (const slug of slugs) assert.equal((await storage.getByKey('form', slug))?.doc.slug, slug);
    });

    rule('responses without a key are never taken for each other', async (storage) => {
      await insert(storage, 'response', ...times(3, () => aResponse({ idempotency: undefined })));
    });

    rule('a response whose key and id are both taken is the one with the key', async (storage) => {
      const [byKey, byId] = [aResponse({ idempotency: 'both' }), aResponse()];
      await insert(storage, 'response', byKey, byId);
      const both = aResponse({ id: byId.id, idempotency: 'both' });
      assert.deepEqual(await storage.commit(insertion('response', both)), { outcome: 'exists', id: byKey.id });
    });

    forgetting(rule);
  });
}

type Rule = (title: string, check: (storage: Storage) => Promise<void>) => void;

function keyRulesOf<K extends Keyed>(rule: Rule, kind: K, keyed: (key: string) => Documents[K]): void {
  rule(
    `a ${kind} is found by its key, and a second one with it is refused with the first one's id`,
    async (storage) => {
      const first = keyed(`${kind}-key`);
      assert.equal(await storage.getByKey(kind, `${kind}-key`), undefined);
      await insert(storage, kind, first);
      assert.equal((await storage.getByKey(kind, `${kind}-key`))?.doc.id, first.id);
      const second = keyed(`${kind}-key`);
      assert.deepEqual(await storage.commit(insertion(kind, second)), { outcome: 'exists', id: first.id });
      assert.equal(await storage.get(kind, second.id), undefined);
    },
  );

  rule(`of fifty inserts of a ${kind} with one key one is kept, and the others are told its id`, async (storage) => {
    const docs = times(50, () => keyed(`${kind}-race`));
    const results = await Promise.all(docs.map((doc) => storage.commit(insertion(kind, doc))));
    const winners = docs.filter((_, i) => results[i]!.outcome === 'committed');
    assert.equal(winners.length, 1);
    const refused = outcomes(results, 'exists') as { id: string }[];
    assert.equal(refused.length, 49);
    assert.deepEqual([...new Set(refused.map(({ id }) => id))], [winners[0]!.id]);
  });
}

function forgetting(rule: Rule): void {
  const forgotten = async (storage: Storage, key: string) => {
    const response = aResponse({ idempotency: key, now: t0 - 1000 });
    await insert(storage, 'response', response);
    assert.ok((await storage.responses.forgetKeys(t0 - 999, 1000)) >= 1);
    return response;
  };

  rule('a forgotten key finds nothing and can be used again', async (storage) => {
    await forgotten(storage, 'forgotten-1');
    assert.equal(await storage.getByKey('response', 'forgotten-1'), undefined);
    await insert(storage, 'response', aResponse({ idempotency: 'forgotten-1' }));
  });

  rule(
    'a response whose key was forgotten no longer carries it, and a later change of it brings it not back',
    async (storage) => {
      const response = await forgotten(storage, 'forgotten-2');
      const { doc, revision } = await found(storage, 'response', response.id);
      assert.equal(doc.idempotency, undefined);
      const next = aResponse({ idempotency: 'forgotten-2' });
      await insert(storage, 'response', next);
      // Read before the key was forgotten, written after it.
      await keep(storage, updating('response', { ...response, status: 'completed' }, revision));
      assert.equal((await storage.getByKey('response', 'forgotten-2'))?.doc.id, next.id);
      assert.equal((await found(storage, 'response', response.id)).doc.status, 'completed');
    },
  );

  rule('keys are forgotten by submission time, as many as asked for, and each once', async (storage) => {
    await storage.responses.forgetKeys(t0, 1000);
    const old = times(5, (i) => aResponse({ idempotency: `old-${i}`, now: t0 - 10 }));
    const young = aResponse({ idempotency: 'young', now: t0 });
    const keyless = aResponse({ now: t0 - 10 });
    await insert(storage, 'response', ...old, young, keyless);
    assert.equal(await storage.responses.forgetKeys(t0, 3), 3);
    assert.equal(await storage.responses.forgetKeys(t0, 3), 2);
    assert.equal(await storage.responses.forgetKeys(t0, 3), 0);
    assert.equal((await storage.getByKey('response', 'young'))?.doc.id, young.id);
  });
}
