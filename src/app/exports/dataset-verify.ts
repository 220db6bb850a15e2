import { isYounger } from '#domain/age.ts';
import {
  type Dataset,
  type DatasetFile,
  datasetArea,
  filesOf,
  manifestName,
  type Partition,
} from '#domain/dataset/dataset.ts';
import { datasetView } from '#domain/dataset/dataset-view.ts';
import { AppError } from '#domain/errors.ts';
import type { BlobStore } from '#ports/blob-store.ts';
import type { ChangedDay } from '#ports/change-feed.ts';
import type { Clock } from '#ports/clock.ts';
import type { ResponseDay, Storage } from '#ports/storage.ts';
import { every } from '../every.ts';

type Deps = {
  storage: Pick<Storage, 'get' | 'list' | 'changes' | 'responses'>;
  blobs: Pick<BlobStore, 'describe' | 'read'>;
  clock: Clock;
};

export type DatasetVerdict = {
  forms: number;
  partitions: number;
  /** In the files, and responses of the forms in the store. */
  rows: number;
  responses: number;
  /** Changes of responses that the files do not have yet: the next update brings them. */
  waiting: number;
  /** Forms that have responses and no files yet, and how many responses. */
  unexported: { forms: number; responses: number };
  /** What does not add up, a sentence each. */
  problems: string[];
  /** What may be as it should and may be not, a sentence each. */
  notices: string[];
};

/** An update that runs now has begun within this time. */
const updateMs = 3_600_000;
/** By then a night has come, and its update an end. */
const nightMs = 25 * 3_600_000;
/** So often at most is counted what does not add up: a change may be in the store before it is acknowledged, and only then is it in the feed. */
const counts = 3;

/**
 * Reads every file that a manifest names again and compares it with what the manifest says, the copy of the manifest with the manifest, and the rows of each
 * partition with the responses that the store has of its days. `formId`: of one form only. `seen` is told the number of partitions done.
 */
export async function verifyDatasets(
  deps: Deps,
  { formId }: { formId?: string },
  seen: (partitions: number) => void,
): Promise<DatasetVerdict> {
  const verdict: DatasetVerdict = {
    forms: 0,
    partitions: 0,
    rows: 0,
    responses: 0,
    waiting: 0,
    unexported: { forms: 0, responses: 0 },
    problems: [],
    notices: [],
  };
  const exported = new Set<string>();
  for await (const dataset of every(deps.storage, 'dataset')) {
    if (formId !== undefined && dataset.id !== formId) continue;
    exported.add(dataset.id);
    verdict.forms += 1;
    await verifyOne(deps, dataset, verdict, seen);
  }
  for await (const form of every(deps.storage, 'form')) {
    if ((formId === undefined || form.id === formId) && !exported.has(form.id)) await tellOf(deps, form.id, verdict);
  }
  return verdict;
}

export function datasetLine(verdict: DatasetVerdict): string {
  const { forms, partitions, rows, responses, waiting, unexported, problems } = verdict;
  const state = problems.length === 0 ? 'ok' : `${problems.length} problems`;
  const files = `${rows} rows in ${partitions} partitions of ${forms} forms, ${responses} responses in the store`;
  const without = `not exported yet: ${unexported.responses} responses of ${unexported.forms} forms`;
  return `exports: ${state}: ${files}; ${waiting} changes wait for the next update${unexported.forms > 0 ? `; ${without}` : ''}`;
}

async function verifyOne(
  deps: Deps,
  dataset: Dataset,
  verdict: DatasetVerdict,
  seen: (partitions: number) => void,
): Promise<void> {
  const problem = (text: string) => void verdict.problems.push(`${dataset.id}: ${text}`);
  for (const partition of dataset.partitions) {
    for (const file of [partition.parquet, partition.jsonl]) {
      const wrong = await compare(deps.blobs, dataset.id, file);
      if (wrong && (await stillNamed(deps.storage, dataset.id, file))) problem(wrong);
    }
    verdict.partitions += 1;
    verdict.rows += partition.rows;
    seen(verdict.partitions);
  }
  let counted = await count(deps.storage, dataset);
  for (let again = 1; again < counts && counted.problems.length > 0; again++)
    counted = await count(deps.storage, dataset);
  verdict.responses += counted.responses;
  verdict.waiting += counted.waiting;
  for (const text of counted.problems) problem(text);
  const copy = await compareCopy(deps, dataset.id);
  if (copy.problem) problem(copy.problem);
  if (copy.notice) verdict.notices.push(`${dataset.id}: ${copy.notice}`);
}

async function compare(blobs: Deps['blobs'], formId: string, file: DatasetFile): Promise<string | undefined> {
  const found = await unlessRefused(() => blobs.describe(`${datasetArea(formId)}/${file.name}`));
  if (found instanceof AppError) return unreadable(file.name, found);
  if (!found) return `${file.name} is not there`;
  if (found.bytes !== file.bytes) return `${file.name} has ${found.bytes} bytes instead of ${file.bytes}`;
  return found.sha256 === file.sha256 ? undefined : `${file.name} has another content: its sha256 is ${found.sha256}`;
}

/** What the disk refuses is a problem of one file, and the others are looked at all the same. */
async function unlessRefused<T>(read: () => Promise<T>): Promise<T | AppError> {
  try {
    return await read();
  } catch (err) {
    if (err instanceof AppError && err.code === 'storage-unavailable') return err;
    throw err;
  }
}

function unreadable(name: string, { cause }: AppError): string {
  const code = cause instanceof Error && 'code' in cause ? ` (${cause.code})` : '';
  return `${name} cannot be read: the disk refused${code}`;
}

/** Reading takes its time: a server that runs beside may have written others since, and removed those of before after an hour. */
async function stillNamed(storage: Deps['storage'], formId: string, { name }: DatasetFile): Promise<boolean> {
  const now = await storage.get('dataset', formId);
  return filesOf(now?.doc.partitions ?? []).some((file) => file.name === name);
}

/** The store is counted first and the feed asked after: what comes in beside, while it is counted, is among the changes, and else would be a difference. */
async function count(
  storage: Deps['storage'],
  { id: formId, partitions, completeTo }: Dataset,
): Promise<{ responses: number; waiting: number; problems: string[] }> {
  const days = await storage.responses.days({ formId });
  const to = await storage.changes.newest();
  const waiting = await storage.changes.days({ formId, after: completeTo, to });
  const problems: string[] = [];
  for (const partition of partitions) {
    const changed = await storage.changes.days({ formId, after: partition.completeTo, to });
    const wrong = miscounted(partition, days, changed);
    if (wrong) problems.push(wrong);
  }
  for (const { day, count } of days) {
    const has = partitions.some(({ from, to: last }) => from <= day && day <= last);
    if (!has && !waiting.some((one) => one.day === day)) problems.push(`${count} responses of ${day} are in no file`);
  }
  return {
    responses: days.reduce((sum, { count }) => sum + count, 0),
    waiting: waiting.reduce((sum, { changes }) => sum + changes, 0),
    problems,
  };
}

/** A day in which nothing has changed since has exactly its rows; one that has may differ by its changes. */
function miscounted({ from, to, rows }: Partition, days: ResponseDay[], changed: ChangedDay[]): string | undefined {
  const within = ({ day }: { day: string }) => from <= day && day <= to;
  const count = days.filter(within).reduce((sum, one) => sum + one.count, 0);
  const changes = changed.filter(within).reduce((sum, one) => sum + one.changes, 0);
  if (Math.abs(count - rows) <= changes) return undefined;
  const span = from === to ? from : `${from} to ${to}`;
  return `${span} has ${rows} rows, and the store has ${count} responses with ${changes} changes since`;
}

/**
 * The copy beside the files is written when an update ends, after its last commit: so it is read first, and then cannot be ahead of the manifest. It may be behind
 * for as long as an update runs.
 */
async function compareCopy(
  { storage, blobs, clock }: Deps,
  formId: string,
): Promise<{ problem?: string; notice?: string }> {
  const bytes = await unlessRefused(() => blobs.read(`${datasetArea(formId)}/${manifestName}`));
  const dataset = (await storage.get('dataset', formId))?.doc;
  if (!dataset) return {};
  if (bytes instanceof AppError) return { problem: unreadable(manifestName, bytes) };
  const mend = `POST /api/v1/forms/${formId}/dataset writes it again`;
  const copy = bytes && parsed(bytes);
  if (bytes && !copy) return { problem: `${manifestName} cannot be read: ${mend}` };
  const version = copy?.version ?? 0;
  if (copy && version === dataset.version) {
    // An update that found nothing to write moves only this number on: a copy that is behind in it names the same files, and says less of them than is true.
    const completeTo = Math.min(dataset.completeTo, copy.complete_to);
    const same = JSON.stringify(copy) === JSON.stringify(datasetView({ ...dataset, completeTo }));
    return same ? {} : { problem: `${manifestName} does not say what the manifest says: ${mend}` };
  }
  const behind = `${manifestName} ${copy ? `is of version ${version}` : 'is not there'}, and the manifest of version ${dataset.version}`;
  if (version < dataset.version && isYounger(dataset.updatedAt, clock.now(), updateMs))
    return { notice: `${behind}: an update runs, or was stopped within the last hour; when one ends it writes it` };
  return { problem: `${behind}: ${mend}` };
}

type Copy = { version: number; complete_to: number };

/** Undefined when it is no manifest. */
function parsed(bytes: Uint8Array): Copy | undefined {
  try {
    const value = JSON.parse(Buffer.from(bytes).toString('utf8')) as Copy | null;
    return Number.isInteger(value?.version) && Number.isInteger(value?.complete_to) ? value! : undefined;
  } catch {
    return undefined;
  }
}

/** A form without files: each has them after the first night that follows its first response. */
async function tellOf({ storage, clock }: Deps, formId: string, verdict: DatasetVerdict): Promise<void> {
  const days = await storage.responses.days({ formId });
  // An update that runs beside may have made them since the datasets were listed.
  if (days.length === 0 || (await storage.get('dataset', formId))) return;
  const responses = days.reduce((sum, { count }) => sum + count, 0);
  verdict.unexported.forms += 1;
  verdict.unexported.responses += responses;
  const first = Math.min(...days.map(({ first }) => first));
  if (clock.now() - first < nightMs) return;
  verdict.notices.push(
    `${formId}: no files, although a night has passed since the first of its ${responses} responses (${days[0]!.day}): POST /api/v1/forms/${formId}/dataset makes them, and its task says what is in the way`,
  );
}
