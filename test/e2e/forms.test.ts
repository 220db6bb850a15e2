import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { type Answer, startTestProgram, type TestProgram } from '../support/program.ts';

let program: TestProgram;
before(async () => {
  program = await startTestProgram();
});
after(() => program.stop());

const definition = {
  title: { default: 'Contact', de: 'Kontakt' },
  pages: [
    {
      name: 'you',
      elements: [
        { type: 'text', name: 'email', inputType: 'email', isRequired: true },
        { type: 'text', name: 'age', inputType: 'number', min: 0, max: 130 },
        {
          type: 'radiogroup',
          name: 'topic',
          choices: ['billing', { value: 'delivery', text: { default: 'Parcel', de: 'Paket' } }],
        },
        {
          type: 'panel',
          name: 'details',
          visibleIf: "{topic} = 'billing'",
          elements: [{ type: 'comment', name: 'message', maxLength: 50 }],
        },
        { type: 'rating', name: 'score', rateMin: 1, rateMax: 5 },
      ],
    },
  ],
};
const intelligence = {
  text: ['message'],
  classify: { labels: [{ name: 'a', examples: ['x'] }, { name: 'b' }], allow_none: true },
};
const settings = { allowed_origins: ['https://www.example.org'], limits: { max_body_bytes: 5000 } };

const problem = ({ status, body }: Answer) => `${status} ${body.code}`;
const create = (more: object = {}) =>
  program.call('POST', '/forms', { body: { title: 'Contact', definition, ...more } });
const put = (id: string, tag: string | undefined, more: object = {}) =>
  program.call('PUT', `/forms/${id}`, {
    body: { title: 'Changed', definition, ...more },
    headers: tag === undefined ? {} : { 'if-match': tag },
  });
const step = (id: string, name: string) => program.call('POST', `/forms/${id}/${name}`);

test('a form is created as a draft and reads back exactly as it was sent', async () => {
  const created = await create({ slug: 'contact-us', intelligence, settings });
  assert.equal(created.status, 201);
  assert.match(created.body.id, /^frm_[0-9a-f-]{36}$/);
  assert.equal(created.headers.get('location'), `/api/v1/forms/${created.body.id}`);
  const read = await program.call('GET', `/forms/${created.body.id}`);
  assert.equal(read.status, 200);
  assert.deepEqual(read.body, created.body);
  assert.deepEqual(read.body.definition, definition);
  assert.deepEqual(read.body.intelligence, intelligence);
  assert.deepEqual(read.body.settings, settings);
  assert.deepEqual(
    [read.body.slug, read.body.title, read.body.status, read.body.version],
    ['contact-us', 'Contact', 'draft', 0],
  );
  assert.equal(read.headers.get('etag'), created.headers.get('etag'));
  assert.ok(!Number.isNaN(Date.parse(read.body.created_at)) && read.body.created_at.endsWith('Z'));
});

test('the definition of a list and of a restarted server is the whole one too', async () => {
  const { body } = await create();
  const listed = (await program.call('GET', '/forms?limit=1')).body.items[0];
  assert.deepEqual([listed.id, listed.definition], [body.id, definition]);
  await program.restart();
  assert.deepEqual((await program.call('GET', `/forms/${body.id}`)).body, body);
});

test('a change needs the ETag of what was read: none or another one is a 412 that changes nothing', async () => {
  const created = await create();
  const { id } = created.body;
  const tag = created.headers.get('etag')!;
  assert.equal(problem(await put(id, undefined)), '412 revision-mismatch');
  for (const wrong of ['"999"', '"998", "999"', 'x', tag.replaceAll('"', ''), `W/${tag}`, '', `*, ${tag}`])
    assert.equal(problem(await put(id, wrong)), '412 revision-mismatch', wrong);
  const changed = await put(id, tag, { title: 'Mine' });
  assert.equal(changed.status, 200);
  assert.notEqual(changed.headers.get('etag'), tag);
  assert.equal(problem(await put(id, tag, { title: 'Theirs' })), '412 revision-mismatch', 'a lost update');
  assert.equal((await program.call('GET', `/forms/${id}`)).body.title, 'Mine');
  assert.equal(
    (await put(id, `"999", ${changed.headers.get('etag')}`, { title: 'Again' })).status,
    200,
    'one of a list',
  );
  assert.equal((await put(id, '*', { title: 'Whatever it is' })).status, 200);
});

test('publishing, closing, reopening and archiving need no ETag, and honour the one that is sent', async () => {
  const created = await create();
  const { id } = created.body;
  const tag = created.headers.get('etag')!;
  const tagged = (name: string, value: string) =>
    program.call('POST', `/forms/${id}/${name}`, { headers: { 'if-match': value } });
  for (const name of ['publish', 'close', 'reopen', 'archive'])
    assert.equal(problem(await tagged(name, '"999"')), '412 revision-mismatch', name);
  assert.equal((await program.call('GET', `/forms/${id}`)).body.status, 'draft', 'nothing has changed');
  assert.equal((await tagged('publish', tag)).status, 201);
  assert.equal(problem(await tagged('close', tag)), '412 revision-mismatch', 'it was published since');
  const closed = await step(id, 'close');
  assert.equal(problem(await tagged('close', tag)), '412 revision-mismatch', 'also where there is nothing to do');
  assert.equal((await tagged('reopen', closed.headers.get('etag')!)).status, 200);
  assert.equal((await tagged('archive', '*')).status, 200);
});

test('a form is not sent again to who has it', async () => {
  const { body, headers } = await create();
  const tag = headers.get('etag')!;
  const again = (value: string) => program.call('GET', `/forms/${body.id}`, { headers: { 'if-none-match': value } });
  for (const value of [tag, `"x", W/${tag}`, '*']) {
    const answer = await again(value);
    assert.deepEqual([answer.status, answer.text, answer.headers.get('etag')], [304, '', tag], value);
  }
  assert.equal((await again('"x"')).status, 200);
  await step(body.id, 'publish');
  assert.equal((await again(tag)).status, 200, 'it has changed');
});

test('of ten changes at once to the same revision one is made', async () => {
  const created = await create();
  const tag = created.headers.get('etag')!;
  const all = await Promise.all(Array.from({ length: 10 }, (_, i) => put(created.body.id, tag, { title: `t${i}` })));
  assert.equal(all.filter(({ status }) => status === 200).length, 1);
  assert.equal(all.filter((answer) => problem(answer) === '412 revision-mismatch').length, 9);
  const winner = all.find(({ status }) => status === 200)!.body.title;
  assert.equal((await program.call('GET', `/forms/${created.body.id}`)).body.title, winner);
});

test('a slug is unique, and the answer says which one is taken', async () => {
  await create({ slug: 'once' });
  assert.equal(problem(await create({ slug: 'once' })), '409 already-exists');
  const other = await create({ slug: 'twice' });
  const taken = await put(other.body.id, other.headers.get('etag')!, { slug: 'once' });
  assert.equal(problem(taken), '409 already-exists');
  assert.match(taken.body.detail, /once/);
  for (const slug of ['Upper', '-x', 'x-', 'a b', '', 'frm_1', 'x'.repeat(65), 'ä', '../x'])
    assert.equal(problem(await create({ slug })), '400 malformed-body', slug);
});

test('a published version never changes, whatever becomes of the draft; the same definition has the same hash', async () => {
  const created = await create();
  const { id } = created.body;
  const first = await step(id, 'publish');
  assert.equal(first.status, 201);
  assert.deepEqual([first.body.form_id, first.body.version], [id, 1]);
  assert.match(first.body.content_sha256, /^[0-9a-f]{64}$/);
  const schemaOf = async (version: number) =>
    (await program.call('GET', `/forms/${id}/versions/${version}/schema.json`)).text;
  const schema = await schemaOf(1);

  const etag = (await program.call('GET', `/forms/${id}`)).headers.get('etag')!;
  const other = { elements: [{ type: 'text', name: 'only' }] };
  assert.equal((await put(id, etag, { definition: other })).status, 200);
  const before = (await program.call('GET', `/forms/${id}/public`, { token: null })).body;
  assert.deepEqual([before.version, before.definition], [1, definition], 'a draft is not public');
  const second = await step(id, 'publish');
  assert.equal(second.body.version, 2);
  assert.notEqual(second.body.content_sha256, first.body.content_sha256);
  assert.equal(await schemaOf(1), schema);
  assert.notEqual(await schemaOf(2), schema);

  // The same definition with its keys in another order.
  const reordered = { pages: definition.pages, title: definition.title };
  const third = await create({ definition: reordered });
  assert.equal((await step(third.body.id, 'publish')).body.content_sha256, first.body.content_sha256);
  const versions = (await program.call('GET', `/forms/${id}/versions`)).body.items;
  assert.deepEqual(
    versions.map(({ version, content_sha256 }: { version: number; content_sha256: string }) => [
      version,
      content_sha256,
    ]),
    [
      [2, second.body.content_sha256],
      [1, first.body.content_sha256],
    ],
  );
  assert.equal(problem(await program.call('GET', `/forms/${id}/versions/3/schema.json`)), '404 version-not-found');
});

test('an independent validator takes what the server takes and refuses what it refuses, by schema.json', async () => {
  const id = await program.publish({ definition });
  const answer = await program.call('GET', `/forms/${id}/versions/1/schema.json`);
  assert.match(answer.headers.get('content-type')!, /^application\/schema\+json/);
  assert.match(answer.headers.get('cache-control')!, /immutable/);
  assert.equal(answer.body.$schema, 'https://json-schema.org/draft/2020-12/schema');
  const ajv = new Ajv2020({ strict: false });
  addFormats.default(ajv);
  assert.equal(ajv.validateSchema(answer.body), true, ajv.errorsText());
  const fits = ajv.compile(answer.body);
  const cases: [object, boolean][] = [
    [{ email: 'a@example.org' }, true],
    [{ email: 'a@example.org', age: 5, topic: 'billing', message: 'hello', score: 5 }, true],
    [{ email: 'a@example.org', topic: 'other' }, false],
    [{ email: 'a@example.org', age: -1 }, false],
    [{ email: 'a@example.org', age: '5' }, false],
    [{ email: 'no address' }, false],
    [{ email: 'a@example.org', topic: 'billing', message: 'x'.repeat(51) }, false],
    [{ email: 'a@example.org', score: 6 }, false],
    [{ email: 'a@example.org', unknown: 1 }, false],
    [{ email: 5 }, false],
  ];
  for (const [answers, good] of cases) {
    assert.equal(fits(answers), good, JSON.stringify(answers));
    assert.equal((await program.send(id, answers)).status, good ? 202 : 422, JSON.stringify(answers));
  }
});

test('closing, reopening and archiving follow their order, and repeating one changes nothing', async () => {
  const { id } = (await create()).body;
  assert.equal(problem(await step(id, 'close')), '409 conflict', 'a draft');
  assert.equal(problem(await step(id, 'reopen')), '409 conflict');
  await step(id, 'publish');
  for (const [name, status] of [
    ['close', 'closed'],
    ['close', 'closed'],
    ['reopen', 'open'],
    ['reopen', 'open'],
    ['close', 'closed'],
    ['archive', 'archived'],
    ['archive', 'archived'],
  ] as const) {
    const answer = await step(id, name);
    assert.deepEqual([answer.status, answer.body.status], [200, status]);
  }
  for (const name of ['reopen', 'close', 'publish'])
    assert.equal(problem(await step(id, name)), '410 form-archived', name);
  const { headers } = await program.call('GET', `/forms/${id}`);
  assert.equal(problem(await put(id, headers.get('etag')!)), '410 form-archived');
  assert.equal(problem(await step('frm_01980f2e-7c1a-7b3e-9d55-0f4c2a6b8e10', 'close')), '404 form-not-found');
});

test('the public view is what a renderer needs and no more, and is not sent again to who has it', async () => {
  const id = await program.publish({ definition, intelligence, settings, slug: 'public-one', title: 'Shown' });
  const view = await program.call('GET', '/forms/public-one/public', { token: null });
  assert.equal(view.status, 200);
  assert.deepEqual(Object.keys(view.body).sort(), [
    'definition',
    'id',
    'slug',
    'status',
    'submit_url',
    'title',
    'version',
  ]);
  assert.deepEqual(view.body.definition, definition);
  assert.equal(view.headers.get('access-control-allow-origin'), '*');
  const tag = view.headers.get('etag')!;
  const again = (value: string) =>
    program.call('GET', `/forms/${id}/public`, { token: null, headers: { 'if-none-match': value } });
  for (const value of [tag, `W/${tag}`, `"other", ${tag}`, '*']) {
    const answer = await again(value);
    assert.deepEqual([answer.status, answer.text], [304, ''], value);
    assert.equal(answer.headers.get('etag'), tag);
  }
  assert.equal((await again('"other"')).status, 200);
  await step(id, 'close');
  assert.deepEqual(
    [(await again(tag)).status, (await again(tag)).body.status],
    [200, 'closed'],
    'a closed form is another view',
  );
  await step(id, 'archive');
  assert.equal(problem(await again(tag)), '410 form-archived');
  const draft = (await create()).body.id;
  assert.equal(problem(await program.call('GET', `/forms/${draft}/public`, { token: null })), '404 form-not-published');
  const sent = await program.call('POST', view.body.submit_url.replace('/api/v1', ''), {
    token: null,
    body: { answers: {} },
  });
  assert.equal(sent.status, 410, 'the submit_url leads to the form');
});

test('lists are read page by page to their end, each entry once, newest first', async () => {
  const mine = new Set<string>();
  for (let i = 0; i < 7; i += 1) mine.add((await create({ title: `page ${i}` })).body.id);
  const form = await program.publish({ definition });
  for (let i = 0; i < 7; i += 1) await program.accepted(form, { email: `a${i}@example.org` });
  for (let i = 0; i < 3; i += 1) await step(form, 'publish');

  const walk = async (path: string, limit: number) => {
    const items = [];
    let cursor = '';
    for (let pages = 0; pages < 500; pages += 1) {
      const { status, body, text } = await program.call(
        'GET',
        `${path}${path.includes('?') ? '&' : '?'}limit=${limit}${cursor}`,
      );
      assert.equal(status, 200, text);
      assert.deepEqual(Object.keys(body).sort(), ['items', 'next_cursor']);
      assert.ok(body.items.length <= limit);
      items.push(...body.items);
      if (body.next_cursor === null) return items;
      assert.equal(typeof body.next_cursor, 'string');
      cursor = `&cursor=${encodeURIComponent(body.next_cursor)}`;
    }
    throw new Error(`${path} has no end`);
  };
  for (const path of [
    '/forms',
    '/forms?status=open',
    `/forms/${form}/responses`,
    `/forms/${form}/versions`,
    '/audit',
    '/users',
    '/tasks',
  ]) {
    // By what they are called, and without what has come since: tasks begin and end, and entries are sealed, between the two walks.
    const idsOf = async (limit: number) => (await walk(path, limit)).map(({ id, version }) => id ?? version);
    const [whole, small] = [await idsOf(1000), await idsOf(2)];
    assert.deepEqual(
      small.filter((id) => whole.includes(id)),
      whole,
      path,
    );
    assert.equal(new Set(small).size, small.length, `${path} shows something twice`);
  }
  const forms = await walk('/forms', 3);
  assert.ok([...mine].every((id) => forms.some((one: { id: string }) => one.id === id)));
  const times = forms.map(({ created_at }: { created_at: string }) => created_at);
  assert.deepEqual(times, times.toSorted().reverse());
  assert.deepEqual(
    (await walk(`/forms/${form}/responses`, 3)).map(({ answers }: { answers: { email: string } }) => answers.email),
    [6, 5, 4, 3, 2, 1, 0].map((i) => `a${i}@example.org`),
  );
});

test('a cursor is good for the list that gave it only', async () => {
  const [one, two] = [await program.publish({ definition }), await program.publish({ definition })];
  for (const id of [one, one, two]) await program.accepted(id, { email: 'a@example.org' });
  const { next_cursor } = (await program.call('GET', `/forms/${one}/responses?limit=1`)).body;
  const good = await program.call('GET', `/forms/${one}/responses?limit=1&cursor=${next_cursor}`);
  assert.equal(good.status, 200);
  for (const path of [
    `/forms/${two}/responses?cursor=`,
    `/forms/${one}/responses?status=completed&cursor=`,
    '/forms?cursor=',
  ])
    assert.equal(problem(await program.call('GET', `${path}${next_cursor}`)), '400 bad-cursor', path);
});

test('a list that nobody limits shows fifty', async () => {
  const form = await program.publish({ definition });
  await Promise.all(Array.from({ length: 60 }, (_, i) => program.accepted(form, { email: `b${i}@example.org` })));
  const { body } = await program.call('GET', `/forms/${form}/responses`);
  assert.equal(body.items.length, 50);
  assert.ok(body.next_cursor);
});

test('each role does with forms what it may, and nobody else anything', async () => {
  const form = await program.publish({ definition });
  const [editor, analyst, viewer] = [
    await program.signIn('editor'),
    await program.signIn('analyst'),
    await program.signIn('viewer'),
  ];
  const statusOf = async (method: string, path: string, token: string | null, body?: unknown) =>
    (await program.call(method, path, { token, body })).status;
  assert.equal(await statusOf('POST', '/forms', editor, { title: 'E', definition }), 201);
  for (const token of [analyst, viewer]) {
    assert.equal(await statusOf('POST', '/forms', token, { title: 'E', definition }), 403);
    assert.equal(await statusOf('POST', `/forms/${form}/close`, token), 403);
    assert.equal(await statusOf('GET', `/forms/${form}`, token), 200);
  }
  assert.equal(await statusOf('GET', `/forms/${form}/responses`, editor), 403, 'editors do not read responses');
  assert.equal(await statusOf('GET', `/forms/${form}/responses`, analyst), 200);
  for (const path of ['/forms', `/forms/${form}`, `/forms/${form}/responses`, `/forms/${form}/versions/1/schema.json`])
    assert.equal(await statusOf('GET', path, null), 401, path);
});
