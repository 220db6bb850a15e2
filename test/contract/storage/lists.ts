import assert from 'node:assert/strict';
import { AppError } from '#domain/errors.ts';
import type { Documents, Kind, Narrowing } from '#ports/storage.ts';
import {
  aDelivery,
  aForm,
  aFormVersion,
  anAttempt,
  anEndpoint,
  anEvent,
  anExampleBatch,
  anExport,
  aResponse,
  aSession,
  aToken,
  aUser,
  classified,
  newId,
  t0,
} from './documents.ts';
import { insert, listed, noun, type Rules, type StoreUnderTest, times } from './kit.ts';

type Case = {
  [K in Kind]: { kind: K; where: Narrowing[K]; match: Documents[K]; others: Documents[K][] };
}[Kind];

const labelled = (label: string | null, needsReview = false) =>
  aResponse({ formId: 'frm_labels' }, { understanding: { classify: classified(label, needsReview) } });
const reviewed = (label: string) =>
  aResponse(
    { formId: 'frm_labels' },
    { understanding: { classify: classified('machine') }, review: { label, by: 'usr_1', at: t0 } },
  );

const cases: Case[] = [
  { kind: 'form', where: { status: 'closed' }, match: aForm({ status: 'closed' }), others: [aForm()] },
  {
    kind: 'form-version',
    where: { formId: 'frm_n' },
    match: aFormVersion({ formId: 'frm_n' }),
    others: [aFormVersion()],
  },
  { kind: 'response', where: { formId: 'frm_n' }, match: aResponse({ formId: 'frm_n' }), others: [aResponse()] },
  { kind: 'response', where: { status: 'completed' }, match: aResponse({ steps: [] }), others: [aResponse()] },
  {
    kind: 'response',
    where: { label: 'praise' },
    match: labelled('praise'),
    others: [labelled('complaint'), labelled(null), labelled('praise', true), aResponse()],
  },
  { kind: 'response', where: { label: 'person' }, match: reviewed('person'), others: [] },
  { kind: 'response', where: { label: 'a%' }, match: labelled('a%'), others: [labelled('ab'), labelled('A%')] },
  {
    kind: 'response',
    where: { formId: 'frm_labels', label: 'praise', status: 'completed' },
    match: { ...labelled('praise'), status: 'completed' },
    others: [labelled('praise'), { ...labelled('complaint'), status: 'completed' }],
  },
  {
    kind: 'endpoint',
    where: { status: 'disabled' },
    match: anEndpoint({ status: 'disabled' }),
    others: [anEndpoint()],
  },
  { kind: 'event', where: { responseId: 'rsp_n' }, match: anEvent({ responseId: 'rsp_n' }), others: [anEvent()] },
  {
    kind: 'delivery',
    where: { endpointId: 'whe_n' },
    match: aDelivery({ endpointId: 'whe_n' }),
    others: [aDelivery()],
  },
  { kind: 'delivery', where: { eventId: 'evt_n' }, match: aDelivery({ eventId: 'evt_n' }), others: [aDelivery()] },
  {
    kind: 'delivery',
    where: { responseId: 'rsp_n' },
    match: aDelivery({ responseId: 'rsp_n' }),
    others: [aDelivery()],
  },
  { kind: 'delivery', where: { status: 'failed' }, match: aDelivery({ status: 'failed' }), others: [aDelivery()] },
  { kind: 'attempt', where: { deliveryId: 'dlv_n' }, match: anAttempt({ deliveryId: 'dlv_n' }), others: [anAttempt()] },
  { kind: 'attempt', where: { endpointId: 'whe_n' }, match: anAttempt({ endpointId: 'whe_n' }), others: [anAttempt()] },
  { kind: 'user', where: { role: 'admin' }, match: aUser({ role: 'admin' }), others: [aUser()] },
  { kind: 'session', where: { userId: 'usr_n' }, match: aSession({ userId: 'usr_n' }), others: [aSession()] },
  { kind: 'token', where: { status: 'revoked' }, match: aToken({ status: 'revoked' }), others: [aToken()] },
  { kind: 'export', where: { formId: 'frm_n' }, match: anExport({ formId: 'frm_n' }), others: [anExport()] },
  { kind: 'export', where: { status: 'ready' }, match: anExport({ status: 'ready' }), others: [anExport()] },
  {
    kind: 'examples',
    where: { formId: 'frm_n' },
    match: anExampleBatch({ formId: 'frm_n' }),
    others: [anExampleBatch()],
  },
];

/** Answers of one form, and which of them each text finds. */
const answers = [
  '100 % sure',
  'snake_case',
  'C:\\temp',
  'she said "no"',
  'Käse mit ÄPFELN',
  'first\nsecond',
  'good 👍🏽',
  'match .* (all) [a-z]+ $',
  'Ελληνικά и русский',
];
const searches: [text: string, found: number[]][] = [
  ['%', [0]],
  ['_', [1]],
  ['\\', [2]],
  ['"', [3]],
  ['said "NO"', [3]],
  ['käse', [4]],
  ['KÄSE MIT äpfeln', [4]],
  ['t\nS', [5]],
  ['👍', [6]],
  ['.*', [7]],
  ['[A-Z]+ $', [7]],
  ['РУССКИЙ', [8]],
  ['ελλ', [8]],
  ['\\t', [2]],
  ['\\n', []],
  ['1011', [1]],
  ['wish', []],
  ['true', []],
  ['{', []],
  ['","', []],
  ['nowhere', []],
  [' ', [0, 3, 4, 6, 7, 8]],
];

export function listRules(under: StoreUnderTest): void {
  noun(under, 'lists', (rules) => {
    for (const { kind, where, match, others } of cases) {
      rules.rule(`${kind} lists are narrowed by ${JSON.stringify(where)}`, async (storage) => {
        await insert(storage, kind, match, ...(others as never[]));
        const ids = (await listed(storage, kind, { where: where as never })).map(({ doc }) => doc.id);
        assert.ok(ids.includes(match.id));
        for (const other of others) assert.equal(ids.includes(other.id), false, JSON.stringify(other));
      });
    }
    ordering(rules);
    searching(rules);
  });
}

function ordering({ rule }: Rules): void {
  rule('a narrowing that is undefined narrows nothing', async (storage) => {
    const version = aFormVersion();
    await insert(storage, 'form-version', version);
    const all = await listed(storage, 'form-version', { where: { formId: undefined } });
    assert.ok(all.some(({ doc }) => doc.id === version.id));
  });

  rule('documents come in the order they were made, or the newest first', async (storage) => {
    const docs = [30, 10, 20, 10, 10].map((ms) => anAttempt({ deliveryId: 'dlv_order', at: t0 + ms }));
    for (const doc of docs) await insert(storage, 'attempt', doc);
    const [a, b, c, d, e] = docs.map(({ id }) => id);
    const where = { deliveryId: 'dlv_order' };
    const order = async (newestFirst: boolean) =>
      (await listed(storage, 'attempt', { where, newestFirst }, 2)).map(({ doc }) => doc.id);
    assert.deepEqual(await order(false), [b, d, e, c, a]);
    assert.deepEqual(await order(true), [a, c, e, d, b]);
  });

  rule('an update moves a document neither in the list nor over a page', async (storage) => {
    const forms = times(3, (i) => aForm({ createdAt: t0 - 1_000_000 + i }));
    await insert(storage, 'form', ...forms);
    const range = { from: t0 - 1_000_000, to: t0 - 999_000 };
    const first = await storage.list('form', { ...range, limit: 1 });
    const change = { op: 'update', kind: 'form', doc: { ...forms[0]!, updatedAt: t0 }, expect: 1 } as const;
    await storage.commit({ change });
    const rest = await storage.list('form', { ...range, limit: 5, after: first.next });
    assert.deepEqual(
      [...first.items, ...rest.items].map(({ doc }) => doc.id),
      forms.map(({ id }) => id),
    );
  });

  for (const newestFirst of [false, true]) {
    const direction = newestFirst ? 'newest first' : 'oldest first';
    rule(`pages (${direction}) show everything once while documents are being made`, async (storage) => {
      const deliveryId = `dlv_pages_${newestFirst}`;
      // Many share an instant: a page ends in the middle of one.
      const there = times(41, (i) => anAttempt({ deliveryId, at: t0 + Math.floor(i / 7) }));
      for (const doc of there) await insert(storage, 'attempt', doc);
      const seen: string[] = [];
      const sizes: number[] = [];
      let after: string | undefined;
      do {
        const page = await storage.list('attempt', { where: { deliveryId }, limit: 5, after, newestFirst });
        seen.push(...page.items.map(({ doc }) => doc.id));
        sizes.push(page.items.length);
        after = page.next;
        if (sizes.length < 10)
          await insert(storage, 'attempt', ...times(2, () => anAttempt({ deliveryId, at: t0 + 5 })));
      } while (after !== undefined);
      assert.equal(new Set(seen).size, seen.length, 'none twice');
      const old = new Set(there.map(({ id }) => id));
      const expected = there.map(({ id }) => id);
      assert.deepEqual(
        seen.filter((id) => old.has(id)),
        newestFirst ? expected.toReversed() : expected,
      );
      assert.ok(sizes.slice(0, -1).every((size) => size === 5));
    });
  }

  rule('the last page names no next one, even when it is full', async (storage) => {
    const deliveryId = 'dlv_full';
    await insert(storage, 'attempt', ...times(4, () => anAttempt({ deliveryId })));
    const first = await storage.list('attempt', { where: { deliveryId }, limit: 2 });
    const second = await storage.list('attempt', { where: { deliveryId }, limit: 2, after: first.next });
    assert.equal(second.items.length, 2);
    assert.equal(second.next, undefined);
    assert.deepEqual(await storage.list('attempt', { where: { deliveryId: 'dlv_none' }, limit: 2 }), {
      items: [],
      next: undefined,
    });
  });

  rule('a time range includes its start and excludes its end', async (storage) => {
    const deliveryId = 'dlv_range';
    const docs = times(5, (i) => anAttempt({ deliveryId, at: t0 + i }));
    await insert(storage, 'attempt', ...docs);
    const between = async (from?: number, to?: number) =>
      (await listed(storage, 'attempt', { where: { deliveryId }, from, to })).map(({ doc }) => doc.at - t0);
    assert.deepEqual(await between(t0 + 1, t0 + 4), [1, 2, 3]);
    assert.deepEqual(await between(t0 + 3), [3, 4]);
    assert.deepEqual(await between(undefined, t0 + 2), [0, 1]);
    assert.deepEqual(await between(t0 + 2, t0 + 2), []);
  });

  rule('a cursor that no page gave is refused', async (storage) => {
    for (const after of [
      '',
      'x',
      '1',
      '1.',
      '.1',
      '1.x',
      '-1.-1',
      "1.1' OR 1=1",
      '1.1\n',
      '{"$gt":""}',
      '9'.repeat(400),
    ]) {
      await assert.rejects(
        storage.list('form', { limit: 1, after }),
        (err) => err instanceof AppError && err.code === 'bad-cursor',
        JSON.stringify(after),
      );
    }
  });
}

function searching({ rule }: Rules): void {
  rule(
    'a text finds the responses whose answers contain it, letter by letter and whatever their case',
    async (storage) => {
      const formId = newId('frm');
      const docs = answers.map((wish, i) =>
        aResponse({
          formId,
          now: t0 + i,
          answers: { wish: i % 2 ? wish : ['nothing', wish], number: 1000 + i * 11, yes: true },
        }),
      );
      await insert(storage, 'response', ...docs, aResponse({ answers: { wish: answers.join(' ') } }));
      for (const [text, expected] of searches) {
        const items = await listed(storage, 'response', { where: { formId }, text }, 4);
        assert.deepEqual(
          items.map(({ doc }) => docs.findIndex(({ id }) => id === doc.id)),
          expected,
          JSON.stringify(text),
        );
      }
    },
  );

  rule('a text search passes over the answers it is told to', async (storage) => {
    const formId = newId('frm');
    const pin = 'tulip 77';
    const both = aResponse({ formId, answers: { pin, note: 'a tulip 77 too' } });
    await insert(storage, 'response', aResponse({ formId, answers: { pin, note: 'roses' } }), both);
    const found = (notIn?: string[]) => storage.list('response', { where: { formId }, text: 'Tulip', notIn, limit: 9 });
    assert.equal((await found()).items.length, 2);
    assert.deepEqual(
      (await found(['pin', 'other'])).items.map(({ doc }) => doc.id),
      [both.id],
    );
    assert.equal((await found(['pin', 'note'])).items.length, 0);
  });

  rule('a text search can be narrowed, bounded in time, and paged', async (storage) => {
    const formId = newId('frm');
    const docs = times(9, (i) => aResponse({ formId, now: t0 + i, answers: { wish: i % 3 ? 'red wine' : 'tea' } }));
    await insert(storage, 'response', ...docs);
    const query = { where: { formId }, text: 'wine', from: t0 + 1, to: t0 + 8, newestFirst: true };
    const found = await listed(storage, 'response', query, 2);
    assert.deepEqual(
      found.map(({ doc }) => doc.submittedAt - t0),
      [7, 5, 4, 2, 1],
    );
  });
}
