import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jobIdOf, jobOf, offerOf } from './job.ts';

const offer = { id: 'tsk_1:understand', attempts: 2, queue: 'batched', priority: 7 } as const;

test('an offer comes out of a job as it went in', () => {
  const { data } = jobOf(offer);
  assert.deepEqual(offerOf('batched', JSON.parse(JSON.stringify(data))), offer);
});

test('ids of jobs hold no colon, and two of different tasks or attempts are never the same', () => {
  const ids = ['a:b', 'a%3Ab', 'a%253Ab', 'a', 'a@1', '7'];
  const jobIds = ids.flatMap((id) => [1, 11].map((attempts) => jobIdOf({ ...offer, id, attempts })));
  assert.equal(new Set(jobIds).size, jobIds.length);
  for (const id of jobIds) assert.ok(!id.includes(':') && !/^\d+$/.test(id), id);
});

test('the most urgent task has a priority for BullMQ too, where none would be before all', () => {
  assert.equal(jobOf({ ...offer, priority: 0 }).opts.priority, 1);
  assert.equal(jobOf({ ...offer, priority: 9 }).opts.priority, 10);
});

test('a job whose data is gone is no offer', () => {
  assert.equal(offerOf('default', {}), undefined);
  assert.equal(offerOf('default', { id: 'a', attempts: 1 }), undefined);
});
