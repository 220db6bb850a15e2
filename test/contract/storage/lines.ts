import assert from 'node:assert/strict';
import type { MaskPlan } from '#domain/mask.ts';
import type { Response } from '#domain/response.ts';
import type { Cover } from '#domain/response-lines.ts';
import { responseView } from '#domain/response-view.ts';
import type { LinePage, LinesQuery, Storage } from '#ports/storage.ts';
import { aResponse, classified, newId, t0 } from './documents.ts';
import { found, insert, noun, type StoreUnderTest } from './kit.ts';

const open: Cover = { withheld: new Set(), masks: undefined };

async function pagesOf(storage: Storage, query: Partial<LinesQuery> & { formId: string }): Promise<LinePage[]> {
  return Array.fromAsync(storage.responses.lines({ to: Number.MAX_SAFE_INTEGER, cover: open, ...query }));
}
const linesOf = (pages: LinePage[]): string[] =>
  Buffer.concat(pages.map(({ bytes }) => bytes))
    .toString('utf8')
    .split('\n')
    .slice(0, -1);
const idsOf = (pages: LinePage[]): string[] => linesOf(pages).map((line) => JSON.parse(line).id);

/** Of one form, a second after each other where `at` says nothing else. */
function some(formId: string, count: number, of: (i: number) => { at?: number; answers?: Response['answers'] }) {
  return Array.from({ length: count }, (_, i) => {
    const { at = t0 + i * 1000, answers = { message: `Größe ${i}, 漢字 and "quotes"\n` } } = of(i);
    return aResponse({ formId, answers, now: at });
  });
}

export function lineRules(under: StoreUnderTest): void {
  noun(under, 'lines', ({ rule, alone }) => {
    rule('a line is the response in the words of the HTTP contract, byte for byte', async (storage) => {
      const formId = newId('frm');
      const answers = { message: 'Größe 🙂 \u2028 \ud800', '2': 1e21, '1': [null, true, { b: 0.1, a: '' }], zero: 0 };
      const understood = {
        understanding: { classify: classified('praise') },
        review: { label: null, by: 'usr_1', at: t0 },
      };
      const response = aResponse({ formId, answers, metadata: { referrer: 'https://example.org/?a=1' } }, understood);
      await insert(storage, 'response', response, aResponse({ formId, answers: {}, now: t0 + 1 }));
      const pages = await pagesOf(storage, { formId });
      const { doc } = await found(storage, 'response', response.id);
      const [line, empty] = linesOf(pages);
      assert.deepEqual(JSON.parse(line!), responseView(doc));
      assert.deepEqual(Object.keys(JSON.parse(line!)), Object.keys(responseView(doc)), 'in the same order');
      assert.deepEqual(JSON.parse(empty!).answers, {});
      assert.deepEqual(
        pages.map(({ count, first, last }) => ({ count, first, last })),
        [{ count: 2, first: t0, last: t0 + 1 }],
      );
    });

    rule('a form without responses has no page, and others are not among its own', async (storage) => {
      const formId = newId('frm');
      await insert(storage, 'response', aResponse());
      assert.deepEqual(await pagesOf(storage, { formId }), []);
    });

    rule(
      'every response of the range comes once, oldest first, also where many have the same time',
      async (storage) => {
        const formId = newId('frm');
        // Of 1.2 kB each: two pages and more, whose borders are among those of one time.
        const message = 'x'.repeat(1000);
        const made = some(formId, 450, (i) => ({
          at: t0 + (i < 20 ? i : i < 430 ? 20 : i) * 1000,
          answers: { message, i },
        }));
        await insert(storage, 'response', ...made);
        const all = await pagesOf(storage, { formId });
        assert.ok(all.length > 1, 'more than one page');
        assert.equal(new Set(idsOf(all)).size, 450);
        const times = linesOf(all).map((line) => Date.parse(JSON.parse(line).submitted_at));
        assert.deepEqual(
          times,
          times.toSorted((a, b) => a - b),
        );
        assert.equal(
          all.reduce((sum, { count }) => sum + count, 0),
          450,
        );
        for (const { first, last, bytes } of all) {
          const own = linesOf([{ bytes } as LinePage]).map((line) => Date.parse(JSON.parse(line).submitted_at));
          assert.deepEqual([first, last], [own[0], own.at(-1)]);
        }
        const [from, to] = [t0 + 20_000, t0 + 431_000];
        const expected = made.filter(({ submittedAt: at }) => at >= from && at < to).map(({ id }) => id);
        assert.deepEqual(idsOf(await pagesOf(storage, { formId, from, to })).toSorted(), expected.toSorted());
        assert.equal(expected.length, 411);
      },
    );

    rule(
      'what the cover hides is in no line: answers of passwords, and personal data by the version of the form',
      async (storage) => {
        const formId = newId('frm');
        const answers = { secret: 'hunter2', mail: 'ada@example.org', colour: 'red' };
        const response = aResponse({ formId, answers, metadata: { ip: '192.0.2.1' } });
        const older = aResponse({ formId, formVersion: 7, answers, now: t0 + 1 });
        await insert(storage, 'response', response, older);
        const answersOf = async (cover: Cover) =>
          linesOf(await pagesOf(storage, { formId, cover })).map((line) => JSON.parse(line).answers);
        const { secret: _, ...rest } = answers;
        const withheld = new Set(['secret', 'not there']);
        assert.deepEqual(await answersOf({ withheld, masks: undefined }), [rest, rest]);
        const plan: MaskPlan = {
          whole: new Map([['mail', 'email']]),
          closed: new Set(['colour']),
          read: new Set(),
          fields: new Map(),
        };
        const masks = new Map([[1, plan]]);
        assert.deepEqual(await answersOf({ withheld, masks }), [
          { mail: '[email]', colour: 'red' },
          // Nothing is known of its version.
          { mail: '[not yet read]', colour: '[not yet read]' },
        ]);
        const [line] = linesOf(await pagesOf(storage, { formId, cover: { withheld, masks } }));
        assert.ok(!line!.includes('192.0.2.1'));
      },
    );

    rule(
      'long responses make pages of a few, so that their number and not their length fills the memory',
      async (storage) => {
        const formId = newId('frm');
        const made = some(formId, 220, (i) => ({ answers: { message: 'ä'.repeat(100_000), i } }));
        for (const response of made) await insert(storage, 'response', response);
        const all = await pagesOf(storage, { formId });
        assert.deepEqual(
          idsOf(all),
          made.map(({ id }) => id),
        );
        for (const { bytes } of all) assert.ok(bytes.length < 36e6, `a page of ${bytes.length} bytes of 44 MB`);
      },
    );

    rule('whoever stops before the end leaves nothing behind', async (storage) => {
      const formId = newId('frm');
      await insert(storage, 'response', ...some(formId, 450, () => ({})));
      let pages = 0;
      for await (const page of storage.responses.lines({ formId, to: Number.MAX_SAFE_INTEGER, cover: open })) {
        pages += 1;
        assert.ok(page.count > 0);
        break;
      }
      assert.equal(pages, 1);
      assert.equal(idsOf(await pagesOf(storage, { formId })).length, 450);
    });

    alone('a store that is closed in the middle says that it cannot read', async (storage) => {
      const formId = newId('frm');
      const answers = { message: 'x'.repeat(20_000) };
      await insert(storage, 'response', ...some(formId, 450, () => ({ answers })));
      const lines = storage.responses
        .lines({ formId, to: Number.MAX_SAFE_INTEGER, cover: open })
        [Symbol.asyncIterator]();
      assert.ok((await lines.next()).value.count < 450);
      await storage.close();
      await assert.rejects(
        async () => {
          // The page after may have been on its way.
          for (let left = 2; left > 0; left--) await lines.next();
        },
        { code: 'storage-unavailable' },
      );
      await assert.rejects(pagesOf(storage, { formId }), { code: 'storage-unavailable' });
    });
  });
}
