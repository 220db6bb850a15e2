import assert from 'node:assert/strict';
import { announce, fanOutTaskId } from '#domain/consequences.ts';
import type { Settlement } from '#domain/task.ts';
import type { Kind, Storage } from '#ports/storage.ts';
import { aDelivery, anAttempt, anEvent, aSession, newId, someRefusals, t0 } from './documents.ts';
import { insert, noun, type StoreUnderTest, times } from './kit.ts';

async function left(storage: Storage, kind: Kind, docs: { id: string }[]): Promise<boolean[]> {
  return Promise.all(docs.map(async ({ id }) => (await storage.get(kind, id)) !== undefined));
}

export function pruningRules(under: StoreUnderTest): void {
  noun(under, 'pruning', ({ rule }) => {
    rule('sessions and attempts made before an instant go, those made at it stay', async (storage) => {
      const sessions = [-1, 0, 1].map((ms) => aSession({ createdAt: t0 + ms }));
      const attempts = [-1, 0, 1].map((ms) => anAttempt({ at: t0 + ms }));
      await insert(storage, 'session', ...sessions);
      await insert(storage, 'attempt', ...attempts);
      assert.equal(await storage.prune('session', t0, 100), 1);
      assert.equal(await storage.prune('attempt', t0, 100), 1);
      assert.deepEqual(await left(storage, 'session', sessions), [false, true, true]);
      assert.deepEqual(await left(storage, 'attempt', attempts), [false, true, true]);
    });

    rule(
      'counts of refused responses go by their day, and those of a form are read by a range of days',
      async (storage) => {
        const formId = newId('frm');
        const days = ['2026-10-31', '2026-11-01', '2026-11-02'].map((day) => someRefusals({ formId, day }));
        await insert(storage, 'refusals', ...days.toReversed(), someRefusals({ day: '2026-11-02' }));
        const at = (day: string) => Date.parse(`${day}T00:00:00Z`);
        const query = { where: { formId }, from: at('2026-11-01'), to: at('2026-11-02') + 1, limit: 10 };
        const { items } = await storage.list('refusals', query);
        assert.deepEqual(
          items.map(({ doc }) => doc.day),
          ['2026-11-01', '2026-11-02'],
        );
        assert.equal(await storage.prune('refusals', at('2026-11-01'), 100), 1);
        assert.deepEqual(await left(storage, 'refusals', days), [false, true, true]);
      },
    );

    rule('at most as many go as were asked for', async (storage) => {
      await insert(storage, 'session', ...times(5, () => aSession({ createdAt: t0 - 5 })));
      const removed = [];
      for (let i = 0; i < 4; i++) removed.push(await storage.prune('session', t0 - 1, 2));
      assert.deepEqual(removed, [2, 2, 1, 0]);
    });

    rule('a delivery goes once it has ended, however old a pending one is', async (storage) => {
      const statuses = ['pending', 'delivered', 'failed', 'cancelled'] as const;
      const deliveries = statuses.map((status) => aDelivery({ status, createdAt: 1 }));
      await insert(storage, 'delivery', ...deliveries);
      assert.equal(await storage.prune('delivery', t0 - 1, 100), 3);
      assert.deepEqual(await left(storage, 'delivery', deliveries), [true, false, false, false]);
    });

    rule('an event stays until its fan-out has succeeded or was cancelled, a dead letter included', async (storage) => {
      const lease = { token: 'lse_1', until: t0 + 8_000 };
      const error = { code: 'x', detail: '' };
      const ends: (Settlement | 'none' | 'running')[] = [
        'none',
        'running',
        { status: 'retrying', runAt: t0 + 1 },
        { status: 'failed', error },
        { status: 'succeeded' },
        { status: 'cancelled' },
      ];
      const events = ends.map(() => anEvent({ id: `${newId('evt')}_accepted`, at: 1 }));
      for (const [i, end] of ends.entries()) {
        const { id, type } = events[i]!;
        const { also, tasks } = announce({ id, type, at: 1, data: {} });
        await storage.commit({ change: { op: 'none' }, also, tasks });
        if (end === 'none') continue;
        assert.ok(await storage.tasks.claim(tasks[0]!.id, lease, t0));
        if (end === 'running') continue;
        const settle = { op: 'settle', id: tasks[0]!.id, lease: lease.token, settlement: end, now: t0 } as const;
        assert.equal((await storage.commit({ change: settle })).outcome, 'committed');
      }
      assert.equal(await storage.prune('event', 2, 100), 2);
      assert.deepEqual(await left(storage, 'event', events), [true, true, true, true, false, false]);
      // Somebody gives the dead letter up: then nothing will be made of its event any more.
      assert.ok(await storage.tasks.drop(fanOutTaskId(events[3]!.id), t0, []));
      assert.equal(await storage.prune('event', 2, 100), 1);
      assert.deepEqual(await left(storage, 'event', events), [true, true, true, false, false, false]);
    });

    rule('an event stays as long as a delivery of it does', async (storage) => {
      const [sent, alone] = [anEvent({ id: newId('evt'), at: 1 }), anEvent({ at: 1 })];
      await insert(storage, 'event', sent, alone);
      await insert(storage, 'delivery', aDelivery({ eventId: sent.id, status: 'delivered', createdAt: 1 }));
      assert.equal(await storage.prune('event', 2, 100), 1);
      assert.deepEqual(await left(storage, 'event', [sent, alone]), [true, false]);
      assert.equal(await storage.prune('delivery', 2, 100), 1);
      assert.equal(await storage.prune('event', 2, 100), 1);
      assert.deepEqual(await left(storage, 'event', [sent]), [false]);
    });
  });
}
