import { dirname } from 'node:path';
import { endOfExport, writeExport } from '#app/exports/export-run.ts';
import { openAdapters, openLog } from '#compose.ts';
import { AppError } from '#domain/errors.ts';
import { type ExportFormat, exportFormats } from '#domain/export.ts';
import { instantOf } from '#domain/instant.ts';
import { progressBar } from '../progress.ts';
import { configOrExit } from '../settings.ts';
import { onStopSignal } from '../stop-signals.ts';
import { version } from '../version.ts';
import { intoNewFile, newFile } from './new-file.ts';

export type ExportOptions = { out: string; form?: string; format: string; from?: string; to?: string };

/** Writes an export straight into a file, a page at a time. The file appears whole or not at all; an existing one is not overwritten. */
export async function exportFile(options: ExportOptions): Promise<void> {
  const format = formatOf(options.format);
  const [from, to] = [timeOf('--from', options.from), timeOf('--to', options.to)];
  const path = await newFile(options.out);
  const { config } = configOrExit();
  const log = await openLog({ logLevel: 'error' });
  const adapters = await openAdapters(config, { log, version, readOnly: true });
  const stop = new AbortController();
  onStopSignal(() => stop.abort(new AppError('value-refused', { detail: 'stopped; nothing was written' })));
  const bar = progressBar('rows');
  try {
    const { storage, exportWriter: writer } = adapters;
    const formId = options.form === undefined ? undefined : await formIdOf(adapters, options.form);
    const until = await endOfExport(storage, { formId, to }, Date.now());
    const disk = adapters.diskOf(dirname(path));
    const deps = { storage, writer, disk, diskReserveBytes: config.diskReserveBytes };
    const progress = (fraction: number) => {
      bar.total(100);
      bar.update(Math.round(fraction * 100));
    };
    const write = (unfinished: string) =>
      writeExport(deps, { formId, format, from }, unfinished, { until, signal: stop.signal, progress });
    const { rows } = await intoNewFile(path, write);
    bar.stop();
    console.log(`${rows} rows in ${path}`);
  } finally {
    bar.stop();
    await adapters.close();
  }
}

export async function formIdOf({ storage }: Awaited<ReturnType<typeof openAdapters>>, name: string): Promise<string> {
  const found = (await storage.get('form', name)) ?? (await storage.getByKey('form', name));
  if (!found) throw new AppError('form-not-found', { detail: `There is no form with the id or slug ${name}.` });
  return found.doc.id;
}

function formatOf(text: string): ExportFormat {
  const format = exportFormats.find((one) => one === text);
  if (!format)
    throw new AppError('value-refused', {
      detail: `There is no format ${text}; there are ${exportFormats.join(', ')}.`,
    });
  return format;
}

function timeOf(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const time = instantOf(text);
  if (time === undefined)
    throw new AppError('value-refused', {
      detail: `${option} must be a time with its offset such as 2026-11-22T09:00:00Z, or a day such as 2026-11-22.`,
    });
  return time;
}
