import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { type Answer, eventually, startTestProgram, type TestProgram } from '../support/program.ts';

/* The form of the support example, without the examples of its own: what it learns comes by upload and review. */
const folder = new URL('../../examples/support-request/', import.meta.url);
const read = (name: string) => readFileSync(new URL(name, folder), 'utf8');
const lines = (name: string) => read(name).trim().split('\n');
const training = lines('training.jsonl').map((line) => JSON.parse(line) as { text: string; label: string | null });
const { intelligence: wanted } = JSON.parse(read('form.json'));

const definition = {
  elements: [
    { type: 'comment', name: 'message' },
    { type: 'text', name: 'name' },
  ],
};
const labels: { name: string }[] = wanted.classify.labels.map(({ name }: { name: string }) => ({ name }));
const intelligence = {
  text: ['message'],
  classify: { labels, allow_none: true },
  extract: {
    fields: [
      { name: 'email', type: 'email' },
      { name: 'amount', type: 'money' },
      { name: 'day', type: 'date' },
      { name: 'at', type: 'time' },
      { name: 'link', type: 'url' },
      { name: 'size', type: 'enum', values: ['small', 'large'] },
    ],
  },
  respond: { instructions: 'Thank the person.', max_words: 40 },
};

let program: TestProgram;
let form: string;

before(async () => {
  program = await startTestProgram();
  form = await program.publish({ definition, intelligence, title: 'Support' });
});
after(() => program.stop());

const problem = ({ status, body }: Answer) => `${status} ${body.code}`;
/** Sends a response and reads it once it has been understood. */
async function understood(answers: object, to = form) {
  const { response_id, task_id } = await program.accepted(to, answers);
  const task = await program.finished(task_id);
  assert.equal(task.status, 'succeeded', JSON.stringify(task));
  return (await program.call('GET', `/responses/${response_id}`)).body;
}
const head = async (id = form) => (await program.call('GET', `/forms/${id}/intelligence`)).body.head;
const upload = (examples: unknown, id = form) => program.call('POST', `/forms/${id}/examples`, { body: examples });

test('without a trained head a response is read by the rules, answered by the template, and says why it has no label', async () => {
  const response = await understood({ message: 'Please send the invoice to ada@example.org.' });
  assert.equal(response.status, 'completed');
  assert.equal(await head(), null);
  assert.equal(response.intelligence.classify, undefined);
  assert.deepEqual(response.intelligence.skipped, { classify: 'no-trained-head' });
  assert.equal(response.intelligence.extract.fields.email.value, 'ada@example.org');
  assert.deepEqual(response.intelligence.personal, [{ question: 'message', kind: 'email', start: 27, end: 42 }]);
  assert.equal(response.label, undefined, 'nothing was said, which is not the same as none');
  assert.equal(response.language, 'en');
});

test('a response without a text is kept, and says that there was nothing to read', async () => {
  const response = await understood({ name: 'Ada' });
  assert.deepEqual(response.intelligence.skipped, { classify: 'no-text', extract: 'no-text' });
});

test('the task of a response shows its steps, their queue and attempts, and ends with the understanding', async () => {
  const { task_id } = await program.accepted(form, { message: 'Hello' });
  const task = await program.finished(task_id);
  assert.deepEqual([task.id, task.progress, task.error], [task_id, 1, undefined]);
  const [step] = task.steps;
  assert.deepEqual(
    [step.name, step.queue, step.status, step.attempts],
    ['understand-response', 'batched', 'succeeded', 1],
  );
  assert.ok(Date.parse(step.started_at) <= Date.parse(step.finished_at));
});

test('every extracted field stands in the text where its offsets say', async () => {
  const message =
    '😀 Please refund 12,50 € to ada@example.org by 2026-03-05 at 14:30 for the large one, see https://example.org/o/7.';
  const { intelligence: result } = await understood({ message });
  const { fields, provenance } = result.extract;
  assert.deepEqual(Object.keys(fields).sort(), ['amount', 'at', 'day', 'email', 'link', 'size']);
  for (const [name, field] of Object.entries<{ source: string; start: number; end: number; tier: string }>(fields)) {
    assert.equal(message.slice(field.start, field.end), field.source, name);
    assert.equal(field.tier, 'rules');
  }
  assert.deepEqual(
    [
      fields.amount.value,
      fields.amount.source,
      fields.email.value,
      fields.day.value,
      fields.at.value,
      fields.size.value,
    ],
    ['12.50 EUR', '12,50 €', 'ada@example.org', '2026-03-05', '14:30', 'large'],
  );
  assert.equal(fields.link.value, 'https://example.org/o/7');
  assert.equal(provenance.tier, 'rules');
  assert.match(provenance.input_sha256, /^[0-9a-f]{64}$/);
});

test('the reply is a draft by the template and says so, in the language of the text', async () => {
  const german = await understood({
    message: 'Guten Tag, wo bleibt meine Bestellung? Ich warte seit drei Wochen auf das Paket.',
  });
  const { respond } = german.intelligence;
  assert.deepEqual([respond.tier, respond.draft, respond.provenance.tier], ['template', true, 'template']);
  assert.ok(respond.text.split(/\s+/).length <= 40);
  const english = await understood({ message: 'Hello, where is my order? I have been waiting for three weeks.' });
  assert.notEqual(english.intelligence.respond.text, respond.text);
  assert.equal(german.language, 'de');
});

test('examples with a label the form does not have are refused with their places, and none is kept', async () => {
  const answer = await upload([
    { text: 'a', label: 'billing' },
    { text: 'b', label: 'nonsense' },
    { text: 'c', label: '' },
  ]);
  assert.equal(problem(answer), '422 value-refused');
  assert.deepEqual(
    answer.body.errors.map(({ pointer, code }: { pointer: string; code: string }) => `${pointer} ${code}`),
    ['/1/label unknown-label', '/2/label unknown-label'],
  );
  assert.deepEqual((await program.call('GET', `/forms/${form}/examples`)).body.items, []);
  for (const wrong of [
    [],
    {},
    [{ text: 'a' }],
    [{ text: '', label: 'billing' }],
    [{ text: 'a', label: 'billing', more: 1 }],
    ['a'],
  ])
    assert.equal(problem(await upload(wrong)), '400 malformed-body', JSON.stringify(wrong));
});

test('examples come as a JSON array or as NDJSON, are answered with the task that trains, and can be read back', async () => {
  const array = await upload(training.slice(0, 200));
  assert.equal(array.status, 202);
  assert.equal(array.headers.get('location'), `/api/v1/tasks/${array.body.task_id}`);
  assert.equal(array.body.kept, 200);
  const ndjson = await program.call('POST', `/forms/${form}/examples`, {
    headers: { 'content-type': 'application/x-ndjson' },
    body: `${lines('training.jsonl').slice(200).join('\n')}\n\n`,
  });
  assert.deepEqual([ndjson.status, ndjson.body.kept], [202, training.length - 200]);
  const task = await program.finished(ndjson.body.task_id, 60_000);
  assert.deepEqual([task.status, task.kind], ['succeeded', 'train-head']);
  const items: { text: string; label: string | null }[] = [];
  let cursor = '';
  do {
    const { body } = await program.call('GET', `/forms/${form}/examples?limit=150${cursor}`);
    items.push(...body.items);
    cursor = body.next_cursor === null ? '' : `&cursor=${body.next_cursor}`;
  } while (cursor !== '');
  assert.deepEqual(
    new Map(items.map(({ text, label }) => [text, label])),
    new Map(training.map(({ text, label }) => [text, label])),
  );
  const broken = await program.call('POST', `/forms/${form}/examples`, {
    headers: { 'content-type': 'application/x-ndjson' },
    body: '{"text":"a","label":"billing"}\n{"text":',
  });
  assert.equal(problem(broken), '400 malformed-json');
  assert.match(broken.body.detail, /Line 2/);
});

test('a trained form gives a response a label with its confidence and the head that said it', async () => {
  const trained = await eventually(async () => (await head()) ?? undefined);
  const { intelligence: result, label } = await understood({
    message: 'You charged my card twice, please refund one payment.',
  });
  assert.equal(result.classify.label, 'billing');
  assert.equal(label, 'billing');
  assert.ok(result.classify.confidence > 0.5 && result.classify.confidence <= 1);
  assert.equal(result.classify.tier, 'head');
  assert.equal(result.classify.needs_review, false);
  assert.equal(result.skipped, undefined);
  const { provenance } = result.classify;
  assert.equal(provenance.model_sha256, (await head()).sha256);
  assert.deepEqual([provenance.tier, typeof provenance.model], ['head', 'string']);
  assert.ok(provenance.milliseconds >= 0 && Date.parse(provenance.at) > 0);
  assert.ok(trained.accuracy > 0.4, `accuracy ${trained.accuracy}`);
  assert.deepEqual(trained.labels.toSorted(), labels.map(({ name }) => name).toSorted());
});

test('the trained head says the right label of most responses of the example', async () => {
  const expected = lines('responses.jsonl')
    .map((line) => JSON.parse(line) as { answers: { message: string }; expect: { label: string | null } })
    .filter(({ expect }) => expect.label !== null)
    .slice(0, 40);
  const got = await Promise.all(expected.map(({ answers }) => understood({ message: answers.message })));
  const right = got.filter(({ intelligence: { classify } }, i) => classify.label === expected[i]!.expect.label).length;
  assert.ok(right >= 22, `${right} of 40`);
});

test('a text that is about nothing the form knows is marked for a person', async () => {
  const { intelligence: result } = await understood({
    message: 'Zebras graze beneath violet thunderclouds near Ouagadougou.',
  });
  assert.equal(result.classify.needs_review, true);
});

test('a review is kept beside the result of the machine, counts as the label, and can be replaced', async () => {
  const before = await understood({ message: 'You charged my card twice, please refund one payment now.' });
  const review = (body: object) => program.call('POST', `/responses/${before.id}/review`, { body });
  const answer = await review({ label: 'cancellation', fields: { amount: '5.00 EUR' }, reply: 'Dear Ada' });
  assert.equal(answer.status, 200);
  assert.deepEqual(answer.body.intelligence, before.intelligence);
  assert.equal(answer.body.label, 'cancellation');
  const { label, fields, reply, by, at } = answer.body.review;
  assert.deepEqual([label, fields, reply], ['cancellation', { amount: '5.00 EUR' }, 'Dear Ada']);
  assert.match(by, /^user:usr_/);
  assert.ok(Date.parse(at) > 0);
  const later = await review({ label: null });
  assert.equal(later.body.label, null);
  assert.equal(later.body.review.reply, 'Dear Ada', 'what the second review does not say stays');
  assert.equal(problem(await review({ label: 'nonsense' })), '422 value-refused');
  assert.equal(problem(await review({ fields: { nobody: 'x' } })), '422 value-refused');
  const values = await review({ fields: { amount: 'much', email: 'nobody' } });
  assert.equal(problem(values), '422 value-refused');
  assert.deepEqual(
    values.body.errors.map(({ pointer, code }: { pointer: string; code: string }) => `${pointer} ${code}`),
    ['/fields/amount wrong-value', '/fields/email wrong-value'],
  );
  const normal = await review({ fields: { amount: ' 7,5 € ', email: 'Ada@Example.org' } });
  assert.deepEqual(normal.body.review.fields, { amount: '7.50 EUR', email: 'ada@example.org' });
  for (const wrong of [{}, { label: 5 }, { label: { $ne: '' } }, { labels: 'billing' }])
    assert.equal(problem(await review(wrong)), '400 malformed-body');
  const unknown = await program.call('POST', '/responses/rsp_x/review', { body: { label: null } });
  assert.equal(problem(unknown), '404 response-not-found');
});

test('a review says none of the labels, or a value of an enum, only where the form has it', async () => {
  const definition = { elements: [{ type: 'comment', name: 'message' }] };
  const extract = { fields: [{ name: 'colour', type: 'enum', values: ['red', 'green'] }] };
  const classify = { labels: [{ name: 'a' }, { name: 'b' }] };
  const made = async (intelligence: object) => {
    const id = await program.publish({ definition, intelligence });
    const { response_id, task_id } = await program.accepted(id, { message: 'red, please' });
    await program.finished(task_id);
    return (body: object) => program.call('POST', `/responses/${response_id}/review`, { body });
  };
  const strict = await made({ classify, extract });
  const places = ({ body }: Answer) => body.errors.map(({ pointer }: { pointer: string }) => pointer);
  const refused = await strict({ label: null, fields: { colour: 'Red' } });
  assert.deepEqual([problem(refused), ...places(refused)], ['422 value-refused', '/label', '/fields/colour']);
  assert.deepEqual((await strict({ label: 'a', fields: { colour: 'green' } })).body.review.fields, { colour: 'green' });
  const lenient = await made({ classify: { ...classify, allow_none: true } });
  assert.equal((await lenient({ label: null })).body.label, null);
  const unlabelled = await made({ extract });
  assert.equal(problem(await unlabelled({ label: null })), '422 value-refused');
});

test('a review is learnt from: it becomes an example, the head is trained anew, and reprocessing uses it', async () => {
  const message = 'Quokka wombat numbat bilby potoroo bandicoot.';
  const first = await understood({ message });
  assert.equal(first.intelligence.classify.needs_review, true);
  const { sha256 } = await head();
  await program.call('POST', `/responses/${first.id}/review`, { body: { label: 'praise' } });
  // Enough of the same to be sure: one example among hundreds need not win.
  const same = Array.from({ length: 12 }, (_, i) => ({ text: `${message} ${'quokka '.repeat(i)}`, label: 'praise' }));
  await program.finished((await upload(same)).body.task_id);
  const examples = (await program.call('GET', `/forms/${form}/examples?limit=1000`)).body.items;
  assert.ok(examples.some((one: { text: string; label: string }) => one.text === message && one.label === 'praise'));
  const now = await head();
  assert.notEqual(now.sha256, sha256);

  const again = await program.call('POST', `/responses/${first.id}/reprocess`);
  assert.equal(again.status, 202);
  assert.equal(again.headers.get('location'), `/api/v1/tasks/${again.body.task_id}`);
  assert.equal((await program.finished(again.body.task_id)).status, 'succeeded');
  const { body } = await program.call('GET', `/responses/${first.id}`);
  assert.equal(body.intelligence.classify.label, 'praise');
  assert.equal(body.intelligence.classify.provenance.model_sha256, (await head()).sha256);
  assert.equal(body.review.label, 'praise');
  assert.deepEqual(body.receipt, first.receipt, 'what was acknowledged stays as it was');
});

test('a review alone brings a training within its window', async () => {
  const response = await understood({ message: 'Gronk flurb wibble, snark the frabjous borogoves!' });
  const { sha256 } = await head();
  await program.call('POST', `/responses/${response.id}/review`, { body: { label: 'technical' } });
  await eventually(async () => (await head()).sha256 !== sha256, 25_000);
});

test('publishing labels with examples of their own trains at once', async () => {
  const own = { ...intelligence, classify: wanted.classify };
  const id = await program.publish({ definition, intelligence: own });
  await eventually(async () => (await head(id)) ?? undefined);
  assert.equal((await understood({ message: 'Stop my subscription, please.' }, id)).intelligence.classify.tier, 'head');
});

test('the same examples again train nothing, and a form that learns nothing cannot be reprocessed', async () => {
  const { sha256, trained_at } = await head();
  const task = await program.finished((await upload([training[0]])).body.task_id);
  assert.equal(task.status, 'succeeded');
  assert.deepEqual([(await head()).sha256, (await head()).trained_at], [sha256, trained_at]);
  const plain = await program.publish({ definition });
  const { response_id } = await program.accepted(plain, { message: 'x' });
  assert.equal(problem(await program.call('POST', `/responses/${response_id}/reprocess`)), '409 conflict');
  assert.equal((await program.call('GET', `/responses/${response_id}`)).body.status, 'completed');
  assert.equal(problem(await upload([{ text: 'a', label: 'billing' }], plain)), '422 value-refused');
});

test('responses are listed by label, status, time and words', async () => {
  const id = await program.publish({ definition, intelligence: { ...intelligence, classify: wanted.classify } });
  await eventually(async () => (await head(id)) ?? undefined);
  const texts = [
    'Stop my subscription, please.',
    'You have the kindest people on the phone.',
    'Straße 100% off_white "quoted"',
  ];
  const made: { id: string; submitted_at: string }[] = [];
  for (const message of texts) made.push(await understood({ message }, id));
  await program.call('POST', `/responses/${made[0]!.id}/review`, { body: { label: 'cancellation' } });
  await program.call('POST', `/responses/${made[1]!.id}/review`, { body: { label: 'praise' } });
  await program.call('POST', `/responses/${made[2]!.id}/review`, { body: { label: null } });
  const found = async (query: Record<string, string>) =>
    (await program.responses(id, new URLSearchParams(query).toString())).map((one) =>
      made.findIndex((m) => m.id === one.id),
    );
  assert.deepEqual(await found({}), [2, 1, 0]);
  assert.deepEqual(await found({ label: 'praise' }), [1]);
  assert.deepEqual(await found({ label: '' }), [2]);
  assert.deepEqual(await found({ label: 'delivery' }), []);
  assert.deepEqual(await found({ status: 'completed' }), [2, 1, 0]);
  assert.deepEqual(await found({ status: 'accepted' }), []);
  const [first, second] = made.map(({ submitted_at }) => submitted_at) as [string, string];
  assert.deepEqual(await found({ from: second }), [2, 1]);
  assert.deepEqual(await found({ to: second }), [0], 'the end is not part of the range');
  assert.deepEqual(await found({ from: first, to: second }), [0]);
  assert.deepEqual(await found({ from: second.replace('Z', '+00:00') }), [2, 1], 'another way to write the zone');
  assert.deepEqual(await found({ q: 'SUBSCRIPTION' }), [0]);
  assert.deepEqual(await found({ q: 'Straße' }), [2]);
  assert.deepEqual(await found({ q: '100%' }), [2]);
  assert.deepEqual(await found({ q: '%' }), [2], 'no wildcard');
  assert.deepEqual(await found({ q: 'off_w' }), [2]);
  assert.deepEqual(await found({ q: '"quoted"' }), [2]);
  assert.deepEqual(await found({ q: 'message' }), [], 'the names of the questions are not searched');
  assert.deepEqual(await found({ q: 'phone', label: 'praise', status: 'completed', from: second }), [1]);
});

test('a training of thousands of examples does not hold up the intake', async () => {
  const id = await program.publish({ definition, intelligence });
  const many = Array.from({ length: 3_000 }, (_, i) => {
    const { text, label } = training[i % training.length]!;
    return { text: `${text} ${i}`, label };
  });
  const uploaded = await upload(many, id);
  assert.equal(uploaded.status, 202);
  const status = async () => (await program.call('GET', `/tasks/${uploaded.body.task_id}`)).body.status;
  // Behind the trainings that the tests before have asked for.
  await eventually(async () => {
    const now = await status();
    assert.ok(['pending', 'running'].includes(now), now);
    return now === 'running';
  }, 60_000);
  let accepted = 0;
  // An acceptance after which the training is seen running did not wait for its end. How many fit into a training depends on the machine.
  for (let i = 0; i < 5; i++) {
    await program.accepted(id, { message: `While it trains ${i}` });
    if ((await status()) === 'running') accepted += 1;
  }
  assert.ok(accepted >= 1, 'none was accepted while the training ran');
  // Training stands back behind everything else (nice 10): beside two busy processors it takes ten times as long as the 4 s it takes alone.
  assert.equal((await program.finished(uploaded.body.task_id, 180_000)).status, 'succeeded');
  assert.equal((await head(id)).examples, many.filter(({ label }) => label !== null).length);
});

const booking = {
  title: 'Booking',
  definition: { elements: [{ type: 'comment', name: 'message' }] },
  intelligence: {
    text: ['message'],
    extract: {
      fields: [
        { name: 'people', type: 'number' },
        { name: 'guest', type: 'person' },
        { name: 'seat', type: 'text' },
      ],
    },
  },
};
const guests = ['Ada', 'Grace', 'Edsger', 'Barbara', 'Donald', 'Margaret', 'Ken'];
const seats = ['by the window', 'on the terrace', 'near the bar', 'in the corner'];
const bookings = Array.from({ length: 48 }, (_, i) => {
  const [guest, seat, people] = [guests[i % 7]!, seats[i % 4]!, String(2 + (i % 9))];
  if (i % 6 === 0) return { text: `do you take cards, or only cash? (${i})`, fields: {} };
  if (i % 2) return { text: `${guest} here, we are ${people}, ${seat} please ${i}`, fields: { guest, seat, people } };
  return { text: `put it on ${guest}, ${people} of us, ${seat} please ${i}`, fields: { guest, seat, people } };
});
/** Publishes the form, and waits until the training that a publication asks for has found nothing to learn: an upload would give it the examples. */
async function publishBooking(): Promise<string> {
  const id = await program.publish(booking);
  await eventually(async () => {
    const open = await Promise.all(
      ['pending', 'running', 'retrying'].map(async (status) => {
        const { items } = (await program.call('GET', `/tasks?limit=1000&queue=batched&status=${status}`)).body;
        return items.some(({ kind }: { kind: string }) => kind === 'train-tagger');
      }),
    );
    return !open.includes(true);
  }, 60_000);
  return id;
}
const tagger = async (id: string) => (await program.call('GET', `/forms/${id}/intelligence`)).body.tagger;

test('field examples over HTTP train a tagger, and a response is read by it where the rules find nothing', async () => {
  const id = await publishBooking();
  const message = 'Linus here, we are 4, by the window please';
  assert.equal(await tagger(id), null);
  assert.equal((await understood({ message }, id)).intelligence.extract.fields.guest, undefined, 'not yet');

  const { status, body } = await upload(bookings, id);
  assert.deepEqual([status, body.kept, body.task_ids], [202, 48, [body.task_id]]);
  const task = await program.finished(body.task_id, 60_000);
  assert.deepEqual([task.kind, task.result.trained, task.result.examples], ['train-tagger', true, 48]);
  const report = await tagger(id);
  assert.deepEqual(report.fields, ['people', 'guest', 'seat']);
  assert.ok(report.by_field.guest.f1 > 0.8, JSON.stringify(report.by_field));
  assert.equal(report.by_field.guest.rules_precision, null);

  const { extract } = (await understood({ message }, id)).intelligence;
  const { guest, seat, people } = extract.fields;
  assert.deepEqual(
    [guest, seat, people].map(({ value, tier }) => `${value} ${tier}`),
    ['Linus tagger', 'by the window tagger', '4 tagger'],
  );
  for (const { source, start, end, confidence } of [guest, seat, people]) {
    assert.equal(message.slice(start, end), source);
    assert.ok(confidence >= 0.5 && confidence <= 1);
  }
  assert.deepEqual([extract.tagger.tier, extract.tagger.model_sha256], ['tagger', report.sha256]);
  assert.equal(extract.tagger.dropped, 0);
});

test('field examples are shown with their places, and the same ones train once', async () => {
  const id = await publishBooking();
  const ndjson = bookings.map((item) => JSON.stringify(item)).join('\n');
  const headers = { 'content-type': 'application/x-ndjson' };
  const first = await program.call('POST', `/forms/${id}/examples`, { body: ndjson, headers });
  assert.equal(first.status, 202);
  await program.finished(first.body.task_id);
  const { items } = (await program.call('GET', `/forms/${id}/examples?limit=2`)).body;
  assert.deepEqual(items[0], { text: bookings[0]!.text, fields: [] });
  const named = items[1].fields.map(({ name, start, end }: { name: string; start: number; end: number }) => [
    name,
    items[1].text.slice(start, end),
  ]);
  assert.deepEqual(Object.fromEntries(named), bookings[1]!.fields);
  const again = await upload([items[1]], id);
  assert.equal(again.status, 202, 'what is shown can be uploaded again');
  const { result } = await program.finished(again.body.task_id);
  assert.deepEqual([result.trained, result.reason], [false, 'nothing new to learn']);
});

test('field examples with unknown fields, values that are not in the text or places outside of it are refused, and none is kept', async () => {
  const id = await publishBooking();
  const answer = await upload(
    [
      { text: 'for 2', fields: { people: '2' } },
      { text: 'for 2', fields: { people: '3', other: '2' } },
      { text: 'for 2', fields: [{ name: 'people', start: 4, end: 9 }] },
      { text: 'for 2', label: 'none such', fields: {} },
    ],
    id,
  );
  assert.equal(problem(answer), '422 value-refused');
  assert.deepEqual(
    answer.body.errors.map(({ pointer, code }: { pointer: string; code: string }) => `${pointer} ${code}`).sort(),
    [
      '/1/fields/other unknown-field',
      '/1/fields/people not-in-text',
      '/2/fields/0 out-of-range',
      '/3/label unknown-label',
    ],
  );
  assert.deepEqual((await program.call('GET', `/forms/${id}/examples`)).body.items, []);
  for (const fields of [null, 'x', { people: 2 }, { people: '' }, [{ name: 'people', start: 0 }], [['people', 0, 1]]])
    assert.equal(problem(await upload([{ text: 'for 2', fields }], id)), '400 malformed-body', JSON.stringify(fields));
});

test('corrected fields become field examples at the places where they stand', async () => {
  const id = await publishBooking();
  const response = await understood({ message: 'we are 4 people, my name is Ada Smith' }, id);
  const review = { fields: { guest: 'Ada', people: '4', seat: '' } };
  assert.equal((await program.call('POST', `/responses/${response.id}/review`, { body: review })).status, 200);
  const { items } = (await program.call('GET', `/forms/${id}/examples`)).body;
  const [{ text, fields }] = items;
  const places = fields.map(({ name, start, end }: { name: string; start: number; end: number }) => [
    name,
    text.slice(start, end),
  ]);
  assert.deepEqual([items.length, Object.fromEntries(places)], [1, { people: '4 people', guest: 'Ada' }]);
  assert.equal('label' in items[0], false, 'nothing was said about its label');
});
