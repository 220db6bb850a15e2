import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Form } from '#domain/form/form.ts';
import { createFormCatalog } from './form-catalog.ts';

test('a form that another process has closed is seen as closed within a second, also when the clock was set back meanwhile', async () => {
  for (const step of [1_000, -86_400_000]) {
    let now = 100 * 86_400_000;
    let status: Form['status'] = 'open';
    const catalog = createFormCatalog({
      storage: {
        get: (async (_kind: string, id: string) => ({ revision: 1, doc: { id, status } })) as never,
        getByKey: () => assert.fail('not asked for'),
      },
      validator: { prepare: () => assert.fail('not asked for') } as never,
      clock: { now: () => now },
    });
    assert.equal((await catalog.form('frm_1')).status, 'open');
    status = 'closed';
    assert.equal((await catalog.form('frm_1')).status, 'open', 'not asked again yet');
    now += step;
    assert.equal((await catalog.form('frm_1')).status, 'closed');
  }
});
