import assert from 'node:assert/strict';
import { test } from 'node:test';
import { understand } from '#domain/consequences.ts';
import { dayIn } from '#domain/day.ts';
import { dayBounds } from '#domain/day-bounds.ts';
import type { FormSettings } from '#domain/form/form.ts';
import { recipientKey } from '#domain/mail/address.ts';
import { longestWaitMs } from '#domain/mail/outcome.ts';
import { newTask } from '#domain/task-kinds.ts';
import { createScheduler } from '#jobs/schedule.ts';
import type { MailOutcome } from '#ports/mailer.ts';
import type { Commit, Storage } from '#ports/storage.ts';
import { classified } from '../contract/storage/documents.ts';
import { type MailWorld, openMailWorld } from '../support/mail-world.ts';
import { until } from '../support/task-world.ts';

const options = { timeout: 60_000 };
const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
const ada = 'ada@example.org';
const grace = 'grace@example.org';
const labels = { classify: { labels: [{ name: 'praise' }, { name: 'complaint' }] } };
/** What a test does at once must not fall into two windows. */
const toNextHour = ({ clock }: MailWorld) => clock.advance(hour - (clock.now() % hour) + minute);
const away: MailOutcome = { kind: 'unreachable', detail: 'ESOCKET: connect ECONNREFUSED' };

test('every try at a message carries the same Message-ID and the same date', options, async (t) => {
  const answers: MailOutcome[] = [{ kind: 'deferred', status: 451, detail: '451 later' }, away, { kind: 'sent' }];
  const world = await openMailWorld(t, () => answers.shift()!);
  const { id } = await world.accepted(await world.form({ notify_emails: [ada] }), 'hello');
  while (answers.length > 0) {
    await world.settled();
    world.clock.advance(2 * minute);
  }
  await world.settled();
  assert.equal(world.tried.length, 3);
  assert.deepEqual(
    [...new Set(world.tried.map(({ messageId }) => messageId))],
    [`<${id}.${recipientKey(ada)}@forms.example.org>`],
  );
  assert.equal(new Set(world.tried.map(({ date }) => date)).size, 1);
});

test(
  'a message whose end was not written is sent again under the same id: twice is possible, lost is not',
  options,
  async (t) => {
    let lost = 0;
    // The process "dies" between the server's 250 and the end of the task: the settlement never reaches the store.
    const seen = (storage: Storage): Storage => ({
      ...storage,
      commit: async (commit: Commit) => {
        if (commit.change.op === 'settle' && commit.change.id.includes(':email-') && lost === 0) {
          lost += 1;
          return { outcome: 'lease-lost' };
        }
        return storage.commit(commit);
      },
    });
    const world = await openMailWorld(t, () => ({ kind: 'sent' }), [], seen);
    await world.accepted(await world.form({ notify_emails: [ada] }), 'hello');
    await until(() => lost === 1);
    world.clock.advance(minute);
    await until(async () => (await world.tasks()).every(({ status }) => status === 'succeeded'));
    assert.equal(world.tried.length, 2);
    assert.equal(world.tried[0]!.messageId, world.tried[1]!.messageId);
  },
);

test('what may be taken later is tried four times, then it is a dead letter', options, async (t) => {
  const world = await openMailWorld(t, () => ({ kind: 'deferred', status: 451, detail: '451 later' }));
  await world.accepted(await world.form({ notify_emails: [ada] }), 'hello');
  for (const pause of [2, 7, 20, 60]) {
    await world.settled();
    world.clock.advance(pause * minute);
  }
  await world.settled();
  const task = (await world.tasks()).find(({ kind }) => kind === 'send-email')!;
  assert.deepEqual([task.status, task.attempts, world.tried.length], ['failed', 4, 4]);
  assert.deepEqual(task.error, { code: 'mail-deferred', detail: 'SMTP 451: 451 later' });
});

test(
  'a server that is away opens the breaker: messages wait, none is lost, and few of them knock',
  options,
  async (t) => {
    let up = false;
    const world = await openMailWorld(t, () => (up ? { kind: 'sent' } : away));
    const form = await world.form({ notify_emails: [ada] });
    for (let nth = 0; nth < 100; nth += 1) await world.accepted(form, `number ${nth}`);
    await world.settled();
    assert.equal(await world.delivery.breaker(), 'open');
    // Five failures open it; of those that end at the same instant some are not counted, as the worker runs five at once.
    assert.ok(world.tried.length <= 40, `${world.tried.length} tries`);
    const before = world.tried.length;
    world.clock.advance(20_000);
    await world.settled();
    assert.equal(world.tried.length, before, 'nobody knocks during the cool-down');
    for (const { kind, attempts, error } of await world.tasks())
      if (kind === 'send-email') assert.deepEqual([attempts, error?.code], [0, 'mail-server-away']);
    up = true;
    for (let round = 0; round < 20 && new Set(world.tried.map(({ messageId }) => messageId)).size < 100; round += 1) {
      world.clock.advance(minute);
      await world.settled();
    }
    await until(async () => (await world.tasks()).every(({ status }) => status === 'succeeded'));
    assert.equal(await world.delivery.breaker(), 'closed');
  },
);

test(
  'a server that is slow with others keeps its breaker closed, and its messages their attempts',
  options,
  async (t) => {
    let free = false;
    const world = await openMailWorld(t, () =>
      free ? { kind: 'sent' } : { kind: 'busy', detail: 'no connection was free' },
    );
    const form = await world.form({ notify_emails: [ada] });
    for (let nth = 0; nth < 10; nth += 1) await world.accepted(form, `number ${nth}`);
    await world.settled();
    assert.deepEqual([world.tried.length, await world.delivery.breaker()], [10, 'closed']);
    for (const { kind, attempts, error } of await world.tasks())
      if (kind === 'send-email') assert.deepEqual([attempts, error?.code], [0, 'mail-server-busy']);
    free = true;
    world.clock.advance(minute);
    await world.settled();
    assert.equal(world.tried.length, 20);
  },
);

test('after three days without a server a message is a dead letter', options, async (t) => {
  const world = await openMailWorld(t, () => away);
  await world.accepted(await world.form({ notify_emails: [ada] }), 'hello');
  await world.settled();
  world.clock.advance(longestWaitMs + minute);
  await world.settled();
  const task = (await world.tasks()).find(({ kind }) => kind === 'send-email')!;
  assert.deepEqual([task.status, task.error?.code], ['failed', 'mail-server-away']);
});

test(
  'a server that is back after three days gets what has waited behind the breaker and had no try',
  options,
  async (t) => {
    let up = false;
    const world = await openMailWorld(t, () => (up ? { kind: 'sent' } : away));
    const form = await world.form({ notify_emails: [ada] });
    for (let nth = 0; nth < 100; nth += 1) await world.accepted(form, `number ${nth}`);
    await world.settled();
    const messages = async (status: string) =>
      (await world.tasks()).filter((task) => task.kind === 'send-email' && task.status === status).length;
    world.clock.advance(longestWaitMs + minute);
    await world.settled();
    const givenUp = await messages('failed');
    assert.ok(givenUp >= 1 && givenUp < 50, `${givenUp} were given up`);
    up = true;
    for (let round = 0; round < 20 && (await messages('succeeded')) < 100 - givenUp; round += 1) {
      world.clock.advance(10 * minute);
      await world.settled();
    }
    assert.deepEqual([await messages('succeeded'), await messages('failed')], [100 - givenUp, givenUp]);
  },
);

test('who is taken off the list gets nothing more, not even what was on its way', options, async (t) => {
  const world = await openMailWorld(t, () => ({ kind: 'deferred', status: 451, detail: '' }));
  const form = await world.form({ notify_emails: [ada, grace] });
  await world.accepted(form, 'hello');
  await world.settled();
  assert.equal(world.tried.length, 2);
  await world.settings(form, { notify_emails: [grace] });
  world.clock.advance(2 * minute);
  await world.settled();
  assert.deepEqual(world.tried.map(({ to }) => to).toSorted(), [ada, grace, grace]);
  const gone = (await world.tasks()).find(({ id }) => id.endsWith(recipientKey(ada)))!;
  assert.deepEqual(gone.result, { outcome: 'recipient-removed' });
});

test('a response that is gone when its message is due is told of to nobody', options, async (t) => {
  const world = await openMailWorld(t, () => ({ kind: 'deferred', status: 451, detail: '' }));
  const { id } = await world.accepted(await world.form({ notify_emails: [ada] }), 'to be erased');
  await world.settled();
  const { revision } = (await world.storage.get('response', id))!;
  await world.storage.commit({ change: { op: 'remove', kind: 'response', id, expect: revision } });
  world.clock.advance(2 * minute);
  await world.settled();
  assert.equal(world.tried.length, 1);
  assert.deepEqual((await world.tasks()).find(({ kind }) => kind === 'send-email')!.result, { outcome: 'gone' });
});

test(
  'a response whose reading runs out of tries is told of, once, in the commit that buries the task',
  options,
  async (t) => {
    const world = await openMailWorld(t);
    const form = await world.form({ notify_emails: [ada] }, labels);
    const response = await world.accepted(form, 'hello');
    const task = { ...understand(response.id, world.clock.now()).tasks[0]!, queue: 'default', maxAttempts: 1 } as const;
    await world.storage.commit({ change: { op: 'none' }, tasks: [task] });
    await world.settled();
    assert.deepEqual(
      world.tried.map(({ subject }) => subject),
      ['Contact: please look at a response'],
    );
    await world.storage.tasks.requeue(task.id, world.clock.now(), []);
    await world.settled();
    assert.equal(world.tried.length, 1, 'a second death makes no second message');
  },
);

test('only the first understanding is told of', options, async (t) => {
  const world = await openMailWorld(t);
  const response = await world.accepted(await world.form({ notify_emails: [ada] }, labels), 'hello');
  const first = understand(response.id, 0).tasks[0]!.id;
  const again = understand(response.id, 0, 'again').tasks[0]!.id;
  assert.equal((await world.notices.understood(response, again)).tasks.length, 0);
  for (const id of [first, `${first}.classify`]) {
    const { tasks } = await world.notices.understood(response, id);
    assert.deepEqual(
      tasks.map((task) => task.id),
      [`tsk_${response.id.slice(4)}:email`],
    );
  }
});

test(
  'a digest tells once of all that came in its window, and of what came later in the next one',
  options,
  async (t) => {
    const world = await openMailWorld(t);
    const form = await world.form({ notify_emails: [ada, grace], notify: { send: 'digest', every: 'hour' } });
    const toFullHour = hour - (world.clock.now() % hour);
    world.clock.advance(toFullHour + minute);
    for (let nth = 0; nth < 60; nth += 1) await world.accepted(form, `number ${nth}.`);
    await world.settled();
    assert.equal(world.tried.length, 0, 'the window is not over');
    world.clock.advance(hour);
    await world.accepted(form, 'in the next window');
    world.clock.advance(2 * minute);
    await world.settled();
    assert.deepEqual(world.tried.map(({ to }) => to).toSorted(), [ada, grace]);
    const { subject, text } = world.tried[0]!;
    assert.equal(subject, 'Contact: 60 new responses');
    assert.ok(text.includes('number 0.') && text.includes('number 49.') && !text.includes('number 50.'));
    assert.ok(text.includes('and 10 more'));
    assert.ok(!text.includes('hush') && !text.includes('in the next window'));
    world.clock.advance(hour);
    await world.settled();
    assert.deepEqual(
      world.tried.slice(2).map((mail) => mail.subject),
      Array(2).fill('Contact: 1 new response'),
    );
    world.clock.advance(3 * hour);
    await world.settled();
    assert.equal(world.tried.length, 4, 'an empty window has no digest');
    assert.equal(new Set(world.tried.map(({ messageId }) => messageId)).size, 4);
  },
);

test(
  'how a response is told of is decided when it is accepted: a change of the form leaves none to neither way, or to both',
  options,
  async (t) => {
    const world = await openMailWorld(t);
    const each: FormSettings = { notify_emails: [ada], notify: { send: 'each' } };
    const digest: FormSettings = { notify_emails: [ada], notify: { send: 'digest', every: 'hour' } };
    toNextHour(world);
    const toDigest = await world.form(each, labels, 'To digest');
    const alone = await world.accepted(toDigest, 'before the change');
    await world.settings(toDigest, digest);
    const toEach = await world.form(digest, labels, 'To each');
    const together = await world.accepted(toEach, 'before the change');
    await world.settings(toEach, each);
    for (const one of [alone, together]) await world.follow(await world.notices.givenUp(one));
    world.clock.advance(2 * hour);
    await world.settled();
    assert.deepEqual(world.tried.map(({ subject }) => subject).toSorted(), [
      'To digest: please look at a response',
      'To each: 1 new response',
    ]);
  },
);

test(
  'a response that an older release has kept is told of as its form says when it is understood',
  options,
  async (t) => {
    const world = await openMailWorld(t);
    const form = await world.form({ notify_emails: [ada] }, labels);
    const response = await world.accepted(form, 'hello', { notify: undefined });
    assert.equal((await world.notices.givenUp(response)).tasks.length, 1);
    await world.settings(form, { notify_emails: [ada], notify: { send: 'digest' } });
    assert.equal((await world.notices.givenUp(response)).tasks.length, 0);
  },
);

test(
  'a digest that a clock which was ahead has made is made again, once, for those who came after it',
  options,
  async (t) => {
    const world = await openMailWorld(t);
    const form = await world.form({ notify_emails: [ada], notify: { send: 'digest', every: 'hour' } });
    toNextHour(world);
    world.clock.advance(day);
    await world.accepted(form, 'while the clock was ahead');
    world.clock.advance(hour + 2 * minute);
    await world.settled();
    assert.equal(world.tried.length, 1);
    world.clock.advance(-day - hour - 2 * minute);
    world.clock.advance(day + minute);
    for (const text of ['the real next day', 'and once more']) await world.accepted(form, text);
    world.clock.advance(3 * hour);
    await world.settled();
    assert.deepEqual(
      world.tried.map(({ subject }) => subject),
      ['Contact: 1 new response', 'Contact: 3 new responses'],
    );
    assert.ok(world.tried[1]!.text.includes('the real next day') && world.tried[1]!.text.includes('and once more'));
    assert.notEqual(world.tried[0]!.messageId, world.tried[1]!.messageId, 'or a mailbox would show one of them');
  },
);

test(
  'a process whose clock is behind the others’ brings a digest an hour, not one for each response',
  options,
  async (t) => {
    const world = await openMailWorld(t);
    const form = await world.form({ notify_emails: [ada], notify: { send: 'digest', every: 'hour' } });
    toNextHour(world);
    await world.accepted(form, 'number 0');
    const behind = 30 * minute;
    world.clock.advance(hour + 2 * minute);
    await world.settled();
    for (let nth = 1; nth <= 20; nth += 1) {
      world.clock.advance(-behind);
      await world.accepted(form, `number ${nth}`);
      world.clock.advance(behind + minute);
      await world.settled();
    }
    world.clock.advance(hour);
    await world.settled();
    assert.deepEqual(
      world.tried.map(({ subject }) => subject),
      ['Contact: 1 new response', 'Contact: 21 new responses'],
    );
  },
);

test('a digest that is days late is made all the same, of the window it was for', options, async (t) => {
  const world = await openMailWorld(t);
  const form = await world.form({ notify_emails: [ada], notify: { send: 'digest', hour: 8 } });
  await world.accepted(form, 'on the first day');
  world.clock.advance(3 * day);
  await world.accepted(form, 'three days later');
  await world.settled();
  assert.deepEqual(
    world.tried.map(({ subject }) => subject),
    ['Contact: 1 new response'],
  );
  assert.ok(world.tried[0]!.text.includes('on the first day'));
});

test('a digest tells labels, what is unsure and what is not read yet', options, async (t) => {
  const world = await openMailWorld(t);
  const form = await world.form({ notify_emails: [ada], notify: { send: 'digest', every: 'hour' } }, labels);
  toNextHour(world);
  const understood = { status: 'completed', understanding: { classify: classified('praise') } } as const;
  await world.accepted(form, 'well done', understood);
  await world.accepted(form, 'hm', { ...understood, understanding: { classify: classified('complaint', true) } });
  await world.accepted(form, 'just now');
  world.clock.advance(2 * hour);
  await world.settled();
  const { text } = world.tried[0]!;
  assert.match(text, /praise: 1\nwithout a sure label: 2/);
  assert.match(text, /praise \(93 %\)\n {2}well done/);
  assert.match(text, /unsure: perhaps complaint \(93 %\)\n {2}hm/);
  assert.match(text, /not read yet\n {2}just now/);
});

test(
  'the summary goes at its time to each administrator, over all forms, with counts of the store',
  options,
  async (t) => {
    const world = await openMailWorld(t, () => ({ kind: 'sent' }), [ada, grace]);
    const praised = await world.form({}, labels, 'Praise');
    const other = await world.form({}, undefined, 'Other');
    const zone = 'Europe/Vienna';
    // Two o'clock of the next day; then ten o'clock of the day after it, when seven o'clock has been missed.
    const today = dayIn(zone, world.clock.now());
    world.clock.advance(dayBounds(zone, today).to - world.clock.now() + 2 * hour);
    const told = dayIn(zone, world.clock.now());
    const understanding = { classify: classified('praise') };
    for (let nth = 0; nth < 3; nth += 1) await world.accepted(praised, 'yes', { status: 'completed', understanding });
    await world.accepted(other, 'no');
    world.clock.advance(32 * hour);
    const { clock, ids, log, storage } = world;
    const schedule = { name: 'mail-summary', kind: 'mail-summary', cron: '0 7 * * *', zone } as const;
    const scheduler = createScheduler({ storage, schedules: [schedule], clock, ids, log });
    scheduler.start();
    await scheduler.stop();
    await until(() => world.tried.length === 2);
    await world.settled();
    assert.deepEqual(world.tried.map(({ to }) => to).toSorted(), [ada, grace]);
    const [{ subject, text, html, messageId }] = world.tried as [(typeof world.tried)[number]];
    assert.equal(subject, `Formstead ${told}: 4 responses`);
    assert.ok(messageId.startsWith(`<summary.${told}.`));
    assert.equal(html.match(/<svg /g)?.length, 2);
    assert.match(text, new RegExp(`${today.slice(5)} {2}0\\n${told.slice(5)} {2}#{30} 4`));
    assert.match(text, /Praise: 3\nOther: 1/);
    assert.match(text, /praise {2}#{30} 3/);
  },
);

test('an installation without any form sends no summary', options, async (t) => {
  const world = await openMailWorld(t, () => ({ kind: 'sent' }), [ada]);
  const now = world.clock.now();
  const task = newTask('mail-summary', { id: 'tsk_tick', payload: { tick: now }, now });
  await world.storage.commit({ change: { op: 'none' }, tasks: [task] });
  await until(async () => (await world.storage.tasks.get('tsk_tick'))?.status === 'succeeded');
  assert.deepEqual(
    (await world.storage.tasks.list({ limit: 10 })).items.map(({ id }) => id),
    ['tsk_tick'],
  );
});

test('of a day on which nothing came the summary says so', options, async (t) => {
  const world = await openMailWorld(t, () => ({ kind: 'sent' }), [ada]);
  await world.form({});
  const task = newTask('mail-summary', {
    id: 'tsk_tick',
    payload: { tick: world.clock.now() },
    now: world.clock.now(),
  });
  await world.storage.commit({ change: { op: 'none' }, tasks: [task] });
  await until(() => world.tried.length === 1);
  assert.match(world.tried[0]!.subject, /: nothing came$/);
});

test(
  'the summary counts by the hours of its day, also what was kept under the day of another time zone',
  options,
  async (t) => {
    const world = await openMailWorld(t, () => ({ kind: 'sent' }), [ada]);
    const form = await world.form({}, undefined, 'Contact');
    const zone = 'Europe/Vienna';
    const { from, to } = dayBounds(zone, dayIn(zone, world.clock.now()));
    world.clock.advance(to - world.clock.now() + hour);
    const told = dayIn(zone, world.clock.now());
    const before = dayIn(zone, from);
    for (let nth = 0; nth < 3; nth += 1) await world.accepted(form, 'hello', { day: before });
    world.clock.advance(24 * hour);
    const now = world.clock.now();
    const task = newTask('mail-summary', { id: 'tsk_tick', payload: { tick: now }, now });
    await world.storage.commit({ change: { op: 'none' }, tasks: [task] });
    await until(() => world.tried.length === 1);
    const [{ subject, text }] = world.tried as [(typeof world.tried)[number]];
    assert.equal(subject, `Formstead ${told}: 3 responses`);
    assert.match(text, new RegExp(`${before.slice(5)} {2}0\\n${told.slice(5)} {2}#+ 3`));
  },
);
