import { gunzipSync } from 'node:zlib';
import type { ApiClient } from './api-client.ts';
import { type Live, waitForTask } from './forms.ts';

type ExportInfo = { id: string; form_id: string; format: string; rows: number; bytes: number };

/** Exports every form in every format. `rows` are those that stand in the downloaded files. */
export async function exportAll(api: ApiClient, forms: Live[]): Promise<{ line: string; rows: number }> {
  const done: ExportInfo[] = [];
  for (const format of ['jsonl', 'parquet', 'csv']) {
    const asked = await Promise.all(
      forms.map(({ id }) => api.post<{ export_id: string; task_id: string }>('/exports', { form_id: id, format })),
    );
    for (const { export_id, task_id } of asked) {
      await waitForTask(api, task_id);
      done.push(await api.get<ExportInfo>(`/exports/${export_id}`));
    }
  }
  const sizes = ['jsonl', 'parquet', 'csv'].map((format) => {
    const files = done.filter((one) => one.format === format);
    return `${format} ${Math.round(files.reduce((sum, { bytes }) => sum + bytes, 0) / 1024)} kB`;
  });
  // The lines of the downloaded files are counted, not what the server says of them.
  let rows = 0;
  for (const { id } of done.filter(({ format }) => format === 'jsonl')) {
    const text = gunzipSync(await api.download(`/exports/${id}/download`)).toString('utf8');
    rows += text.split('\n').filter((line) => line !== '').length;
  }
  return { line: `${rows} rows: ${sizes.join(', ')}`, rows };
}
