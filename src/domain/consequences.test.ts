import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventId, examplesUploaded, failureEventId, isFailureEventId, published, trainSoon } from './consequences.ts';
import { newSecret } from './webhook/secret.ts';
import { signedHeaders } from './webhook/signature.ts';

test('the id of every event can travel as webhook-id, also where its subject is a scheduled task', () => {
  const uuid = '01980f2e-7c1a-7b3e-9d55-0f4c2a6b8e10';
  const ids = [
    eventId(`rsp_${uuid}`, 'accepted'),
    eventId(`rsp_${uuid}`, 'reviewed-12'),
    eventId(`tsk_${uuid}:understand-${uuid}`, 'failed-1782000000000'),
    eventId('tsk_daily-export:2026-11-22T02:00:00.000Z', 'failed-1782000000000'),
  ];
  const secrets = [{ secret: newSecret(new Uint8Array(32)) }];
  for (const id of ids) assert.equal(signedHeaders({ id, body: '{}', secrets, now: 0 })['webhook-id'], id);
  assert.equal(new Set(ids).size, ids.length);
});

test('the event that tells of a dead letter is known by its id, and no other event is taken for one', () => {
  const uuid = '01980f2e-7c1a-7b3e-9d55-0f4c2a6b8e10';
  const death = failureEventId(`tsk_${uuid}:understand`, 1_782_000_000_000);
  assert.ok(isFailureEventId(death));
  assert.ok(isFailureEventId(failureEventId(`tsk_${uuid}_accepted:fan-out`, 1_782_000_000_000)));
  for (const id of [eventId(`rsp_${uuid}`, 'accepted'), eventId(`rsp_${uuid}`, 'reviewed-12'), `${death}:fan-out`])
    assert.ok(!isFailureEventId(id), id);
});

test('trainings of the same moment have an id for each of head and tagger, and the same wish twice is one task', () => {
  const now = 1_782_000_003_000;
  const kinds = (tasks: { kind: string }[]) => tasks.map(({ kind }) => kind);
  const both = ['head', 'tagger'] as const;
  const soon = trainSoon('frm_1', now, both).tasks;
  assert.deepEqual(kinds(soon), ['train-head', 'train-tagger']);
  assert.deepEqual(
    trainSoon('frm_1', now + 2000, both).tasks.map(({ id }) => id),
    soon.map(({ id }) => id),
  );
  const all = [...soon, ...published('frm_1', 3, now, both).tasks, ...examplesUploaded('frm_1', 'exb_1', now, both)];
  assert.equal(new Set(all.map(({ id }) => id)).size, 6);
  assert.deepEqual(trainSoon('frm_1', now, []).tasks, []);
});
