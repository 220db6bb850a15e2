import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { exportFormats } from '#domain/export.ts';
import { createThreadedReader } from '../../src/adapters/extractor-rules/threaded-reader.ts';
import { openExportWorld, readLines, readParquet } from '../support/export-world.ts';

const definition = {
  elements: [
    { type: 'comment', name: 'message' },
    { type: 'text', name: 'mail', inputType: 'email' },
    { type: 'text', name: 'when', inputType: 'date' },
  ],
};
const message = 'My name is Jane Doe. Pay to DE89 3704 0044 0532 0130 00, order 4711.\nRegards,\nJane Doe';

test('a masked export of any format, of one form or of all, holds no personal data, and everything else', async (t) => {
  const world = await openExportWorld(t);
  const reader = createThreadedReader();
  t.after(() => reader.close());
  const { personal } = await reader.read([message], [], { now: 0, timeZone: 'UTC', region: undefined });
  assert.deepEqual(
    personal.map(({ kind, start, end }) => [kind, message.slice(start, end)]),
    [
      ['name', 'Jane Doe'],
      ['iban', 'DE89 3704 0044 0532 0130 00'],
      ['name', 'Jane Doe'],
    ],
  );
  const form = await world.form([{ definition }]);
  const answers = { message, mail: 'jane@example.com', when: '2026-05-02' };
  const understanding = { personal: personal.map(({ text: _, ...span }) => ({ ...span, question: 'message' })) };
  await world.respond(form.id, answers, { understanding, metadata: { user: 'jane' } });
  await world.respond(form.id, { ...answers, message: 'Jane, unread' });

  for (const format of exportFormats) {
    for (const formId of [form.id, undefined]) {
      for (const mask of ['none', 'personal'] as const) {
        const { path } = await world.make({ formId, format, mask, from: undefined, to: undefined });
        const rows =
          format === 'jsonl' ? await readLines(path) : format === 'parquet' ? (await readParquet(path)).rows : '';
        const text = format === 'csv' ? await readFile(path, 'utf8') : JSON.stringify(rows);
        const name = `${format} of ${formId ?? 'all forms'}, mask ${mask}`;
        // Not the first group of the IBAN alone: ids and digests beside the answers are hexadecimal, and hold "de89" now and then.
        assert.equal(/jane|DE89 3704/i.test(text), mask === 'none', `${name}: ${text}`);
        assert.equal(text.includes('[name]'), mask === 'personal', name);
        if (mask === 'none') continue;
        for (const kept of ['[iban], order 4711.', '[email]', '[not yet read]', '2026-05-02'])
          assert.ok(text.includes(kept), `${name}: ${kept}`);
      }
    }
  }
});
