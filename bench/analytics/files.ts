import { join } from 'node:path';
import type { RowPlan } from '#domain/export-rows.ts';
import { type KeptResponse, newResponse } from '#domain/response.ts';
import { createDuckdbExportWriter } from '../../src/adapters/analytics-duckdb/export-writer.ts';
import { pick, text } from '../export/texts.ts';

const labels = ['billing', 'technical', 'praise', 'complaint', null];

/** One day of responses as a Parquet file, written as an export is; the store is left out. */
export async function writeDay(
  dir: string,
  plan: RowPlan,
  day: string,
  rows: number,
): Promise<{ path: string; rows: number }> {
  const path = join(dir, `${day}.parquet`);
  const writer = createDuckdbExportWriter();
  const sink = await writer.openParquet({ path, columns: plan.columns, signal: new AbortController().signal });
  const begin = Date.parse(`${day}T00:00:00Z`);
  for (let done = 0; done < rows; done += 1000) {
    const some = Math.min(1000, rows - done);
    await sink.write(Array.from({ length: some }, (_, i) => plan.rowOf(responseAt(begin, day, done + i, rows)).cells));
  }
  await sink.close();
  return { path, rows };
}

function responseAt(begin: number, day: string, n: number, rows: number): KeptResponse {
  const at = begin + Math.floor((n / rows) * 86_000_000);
  const label = labels[pick(5)]!;
  const provenance = { tier: 'head' as const, model: 'ngram-head/1', inputSha256: '', milliseconds: 1, at: at + 2000 };
  const response = newResponse({
    id: `rsp_${at.toString(16).padStart(12, '0')}-${String(n).padStart(10, '0')}`,
    formId: 'frm_1',
    formVersion: 1,
    answers: {
      message: text(),
      name: `Person ${pick(5000)}`,
      email: `person${pick(400_000)}@example.org`,
      order: 100_000 + pick(900_000),
      date: `2026-0${1 + pick(9)}-${10 + pick(18)}`,
      stars: 1 + pick(5),
      topics: [['billing'], ['delivery', 'other'], []][pick(3)]!,
    },
    metadata: { source: 'web', started_at: new Date(at - 1000 * pick(600)).toISOString() },
    now: at,
    day,
    bodySha256: undefined,
    idempotency: undefined,
    salt: '00',
    hiddenDropped: 0,
    steps: [],
  });
  const classify = {
    label,
    confidence: pick(1000) / 1000,
    tier: 'head' as const,
    needsReview: false,
    alternatives: [],
    provenance,
  };
  const receipt = { chain: 'chn_1', seq: n, sha256: 'ab'.repeat(32), previous: 'cd'.repeat(32) };
  return { ...response, status: 'completed', understanding: { language: 'en', classify }, receipt };
}
