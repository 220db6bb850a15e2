import assert from 'node:assert/strict';
import type { Json } from '#domain/json.ts';
import type { Documents, Kind } from '#ports/storage.ts';
import {
  aBreaker,
  aDataset,
  aDelivery,
  aForm,
  aFormVersion,
  aHead,
  aModelFit,
  anAttempt,
  anEndpoint,
  anEntry,
  anEvent,
  anExampleBatch,
  anExport,
  aResponse,
  aSession,
  aTagger,
  aTask,
  aToken,
  aUser,
  aVector,
  classified,
  newId,
  someRefusals,
  t0,
} from './documents.ts';
import {
  auditEntries,
  insert,
  insertion,
  insertTasks,
  keep,
  noun,
  plain,
  type StoreUnderTest,
  taskOf,
  updating,
} from './kit.ts';

const odd = {
  'a.b': 'dot',
  $set: 'dollar',
  '$a.$b': [],
  '': 'no name',
  ' ': {},
  'it\'s "quoted" \\ `back`': null,
  constructor: 'inherited',
  toString: 'inherited',
  hasOwnProperty: false,
  '0': 'zero',
  '-1': [[], [[]], {}],
  größe: 'ü',
  'e\u0301': 'decomposed',
  '\u00e9': 'composed',
  '👩‍👩‍👧‍👦': '🏳️‍🌈',
  _id: 'not an id',
  line: 'a\nb\r\nc\td\u2028e\u0001f\u007f',
  rtl: '‏שלום‎',
  empty: '',
  spaces: '  ',
  huge: 9007199254740991,
  tiny: 5e-324,
  negative: -12.5,
  tenth: 0.1,
  big: 1.7976931348623157e308,
  lookalikes: ['2026-11-02T09:00:00.000Z', '507f1f77bcf86cd799439011', 'NaN', 'true', '1', 'null'],
  nested: { a: { b: { c: [{ d: { e: [1, 'two', null, true, {}] } }] } } },
} satisfies { [key: string]: Json };

const text = "Größe “ok”? 👍🏽 \\ % _ \u2028 '; DROP TABLE forms; --";

/** One of every kind, with everything optional present. */
export const rich: { [K in Kind]: Documents[K] } = {
  form: aForm({
    title: text,
    definition: { title: { default: text, de: 'Größe' }, elements: [{ type: 'text', name: 'größe', odd }] },
    intelligence: { extract: { fields: [{ name: 'x', type: 'enum', values: [text, ''] }] }, classify: { labels: [] } },
    settings: { allowed_origins: [], limits: {} },
  }),
  'form-version': aFormVersion({ compiled: { ...aFormVersion().compiled, schema: { $id: text, $defs: odd } } }),
  response: aResponse(
    { answers: odd, metadata: { 'a.b': text, $x: '' }, idempotency: 'round-trip', hiddenDropped: 2, steps: [] },
    {
      understanding: {
        language: 'de',
        classify: classified(null),
        extract: { fields: {}, provenance: classified(null).provenance },
        skipped: { respond: text },
      },
      review: { label: null, fields: { 'a.b': text }, reply: text, by: 'usr_1', at: t0 },
      applied: ['tsk_1', 'tsk_2'],
    },
  ),
  endpoint: anEndpoint({ url: `https://example.org/?q=${encodeURIComponent(text)}`, disabledReason: text }),
  breaker: aBreaker({ state: { phase: 'half-open', until: t0, coolDownMs: 0.5 } }),
  event: anEvent({ responseId: newId('rsp'), body: JSON.stringify(odd) }),
  delivery: aDelivery({ responseId: newId('rsp'), finishedAt: t0, nextAttemptAt: undefined }),
  attempt: anAttempt({ httpStatus: undefined, excerpt: text }),
  user: aUser({ name: text, email: 'größe+"x"@example.org' }),
  session: aSession({ rotations: 41 }),
  token: aToken({ name: text, expiresAt: t0, scopes: [] }),
  export: anExport({ formId: newId('frm'), file: text, rows: 0, bytes: 9007199254740991, error: text, finishedAt: t0 }),
  dataset: aDataset({ retired: [{ name: text, at: t0 }], columns: [{ name: 'a', type: 'string[]' }] }),
  examples: anExampleBatch({
    items: [
      { text, label: null },
      { text: '', label: text },
    ],
  }),
  head: aHead({ accuracy: 0.912345678901234, labels: [text] }),
  'model-fit': aModelFit({ labels: [text, null], bias: [-0.1234567890123, 0] }),
  vector: aVector({ formId: newId('frm'), vector: 'A'.repeat(512) }),
  tagger: aTagger({ fields: [text] }),
  refusals: someRefusals({
    refused: 9007199254740991,
    questions: [
      { question: 'größe', code: 'required', count: 1 },
      { question: null, code: 'other', count: 2 },
    ],
    applied: [{ by: 'a', number: 1 }],
  }),
};

/** One of every kind with everything optional absent. */
export const bare: { [K in Kind]: Documents[K] } = {
  form: aForm(),
  'form-version': aFormVersion({ intelligence: undefined }),
  response: aResponse({ answers: {}, steps: [] }),
  endpoint: anEndpoint({ events: [], secrets: [] }),
  breaker: aBreaker({ state: { phase: 'closed', failures: 0 } }),
  event: anEvent({ formId: undefined, responseId: undefined, body: '' }),
  delivery: aDelivery({ nextAttemptAt: undefined }),
  attempt: anAttempt({ httpStatus: undefined, excerpt: '' }),
  user: aUser(),
  session: aSession(),
  token: aToken({ scopes: [] }),
  export: anExport({ to: undefined }),
  dataset: aDataset({ partitions: [] }),
  examples: anExampleBatch({ items: [] }),
  head: aHead({ calibrationError: undefined, labels: [] }),
  'model-fit': aModelFit({ labels: [], bias: [] }),
  vector: aVector({ vector: '' }),
  tagger: aTagger({ byField: undefined, fields: [] }),
  refusals: someRefusals(),
};

export function roundTripRules(under: StoreUnderTest): void {
  noun(under, 'documents', ({ rule }) => {
    for (const [how, docs] of [
      ['everything optional', rich],
      ['nothing optional', bare],
    ] as const) {
      for (const kind of Object.keys(docs) as Kind[]) {
        rule(`a ${kind} with ${how} comes back as it was, by id and by list`, async (storage) => {
          const doc = docs[kind];
          const { receipt } = await keep(storage, insertion(kind, doc));
          const expected = { revision: 1, doc: kind === 'response' ? { ...plain(doc), receipt } : plain(doc) };
          assert.deepEqual(await storage.get(kind, doc.id), expected);
          const { items } = await storage.list(kind, { limit: 1000 });
          assert.deepEqual(
            items.find((item) => item.doc.id === doc.id),
            expected,
          );
        });
      }
    }

    for (const kind of Object.keys(bare) as Kind[]) {
      rule(`a ${kind} is replaced as a whole by an update`, async (storage) => {
        const from = { ...rich[kind], id: `${rich[kind].id}-u`, ...freshKey(kind, 'u1') } as Documents[typeof kind];
        const { receipt } = await keep(storage, insertion(kind, from));
        const made = madeAt(kind, from);
        const to = { ...bare[kind], id: from.id, ...freshKey(kind, 'u1'), ...made } as Documents[typeof kind];
        await keep(storage, updating(kind, to, 1));
        const doc = kind === 'response' ? { ...plain(to), receipt } : plain(to);
        assert.deepEqual(await storage.get(kind, from.id), { revision: 2, doc });
      });
    }

    rule('a response of 200 kB comes back as it was', async (storage) => {
      const long = 'Größe 👍 "x" \\ '.repeat(13_000);
      assert.ok(Buffer.byteLength(long) > 200_000);
      const response = aResponse({ answers: { message: long, list: Array(1000).fill('wörd') } });
      await insert(storage, 'response', response);
      const stored = await storage.get('response', response.id);
      assert.deepEqual(stored?.doc.answers, response.answers);
    });

    rule('a task comes back as it was, with the rest at its zero value', async (storage) => {
      const root = newId('tsk');
      for (const task of [aTask({ payload: odd, root, priority: 0 }), aTask({ payload: null, priority: 9 })]) {
        await insertTasks(storage, task);
        assert.deepEqual(plain(await taskOf(storage, task.id)), {
          ...plain(task),
          status: 'pending',
          attempts: 0,
          cancelRequested: false,
          progress: 0,
        });
      }
    });

    rule('an audit entry comes back as it was', async (storage) => {
      const entries = [anEntry({ details: odd, requestId: text, subject: text }), anEntry()];
      await keep(storage, { change: { op: 'none' }, audit: entries });
      const kept = await auditEntries(storage);
      for (const entry of entries) {
        assert.deepEqual(
          kept.find(({ id }) => id === entry.id),
          plain(entry),
        );
      }
    });

    rule('what is not there is undefined, for every kind', async (storage) => {
      for (const kind of Object.keys(bare) as Kind[]) assert.equal(await storage.get(kind, 'nobody'), undefined);
      for (const kind of ['form', 'user', 'token', 'response'] as const)
        assert.equal(await storage.getByKey(kind, 'nobody'), undefined);
      assert.equal(await storage.tasks.get('nobody'), undefined);
    });
  });
}

function freshKey(kind: Kind, key: string): object {
  const fields: Partial<Record<Kind, string>> = { form: 'slug', user: 'email', token: 'hash', response: 'idempotency' };
  const field = fields[kind];
  return field === undefined ? {} : { [field]: key };
}

/** An update never moves a document in time. */
function madeAt(kind: Kind, doc: object): object {
  const field = { response: 'submittedAt', head: 'trainedAt', tagger: 'trainedAt', 'form-version': 'publishedAt' }[
    kind as string
  ];
  return field === undefined ? {} : { [field]: (doc as Record<string, unknown>)[field] };
}
