import { canonicalJson } from '#domain/canonical-json.ts';
import { createTally, sameTally, type Tally } from '#domain/checksum.ts';
import { isDatasetArea } from '#domain/dataset/dataset.ts';
import { AppError } from '#domain/errors.ts';
import type { BlobStore } from '#ports/blob-store.ts';
import type { Clock } from '#ports/clock.ts';
import type { KeyRing } from '#ports/key-ring.ts';
import type { Move, Part, TransferReads, TransferSource, TransferTarget } from '#ports/store-transfer.ts';
import { parts } from '#ports/store-transfer.ts';
import { isTemporaryArea } from './queries/unused-files.ts';
import type { Verdict } from './verify.ts';

/*
 * An installation moves from one store into another, which is empty before. Everything is copied as it is, then read again from the target and compared, then
 * verified there; only after that may a program start on it. A move that is killed goes on where the target says that it stands; what was written and not yet
 * counted is there under its id, and stays as it is.
 */

type Deps = {
  source: TransferSource;
  target: TransferTarget;
  keyRing: Pick<KeyRing, 'keyIds' | 'open'>;
  clock: Clock;
  /** Opened once it is certain that there is something to write. */
  openFiles(): Promise<{ source: BlobStore; target: BlobStore }>;
  /** What verifying finds in the stores. */
  verify(which: 'source' | 'target', progress: (seen: number) => void): Promise<Verdict>;
};

export type ComparedPart = { part: Part | 'file'; source: Tally; target: Tally };

export type MoveReport = {
  /** When an earlier call finished it; then this one has written nothing. Epoch ms. */
  finishedBefore: number | undefined;
  compared: ComparedPart[];
  /** Of the target; undefined when the comparison has found a difference. */
  verdict: Verdict | undefined;
  /** `differs`: not the same as the source. `damaged`: the same, and verifying finds in both the same faults. */
  outcome: 'same' | 'differs' | 'damaged';
};

export type MoveProgress = (stage: 'move' | 'compare' | 'verify', done: number, total: number) => void;

/** More than any document has; what is deeper cannot be compared and is an error. */
const mostLevels = 1000;

/**
 * Moves everything, or what an earlier call has left. The source stays as it is but for a note that it was moved.
 * Errors: `value-refused` when the key ring does not hold the source's keys; `storage-unavailable` as the ports say, or when the target holds something else.
 */
export async function moveStore(deps: Deps, progress: MoveProgress = () => {}): Promise<MoveReport> {
  const { source, target, clock } = deps;
  await assertKeysKnown(deps);
  const move = await target.begin(await source.installation(), clock.now());
  const writes = move.finishedAt === undefined;
  if (writes) await source.mark('begun', clock.now());

  const counts = await Promise.all(parts.map((part) => source.count(part)));
  const total = counts.reduce((sum, count) => sum + count, 0);
  const moved = await copyParts(deps, move, (done) => progress('move', done, total));
  const files = await copyFiles(await deps.openFiles(), writes);
  const found = await tallyParts(target, (done) => progress('compare', done, total));
  const compared: ComparedPart[] = [
    ...parts.map((part) => ({ part, source: moved.get(part)!, target: found.get(part)! })),
    { part: 'file', ...files },
  ];
  const report = { finishedBefore: move.finishedAt, compared };
  if (compared.some((each) => !sameTally(each.source, each.target)))
    return { ...report, verdict: undefined, outcome: 'differs' };

  const verdict = await deps.verify('target', (seen) => progress('verify', seen, moved.get('response')!.count));
  const outcome = await outcomeOf(deps, verdict);
  if (outcome !== 'differs') {
    if (writes) await target.finish(clock.now());
    await source.mark('finished', clock.now());
  }
  return { ...report, verdict, outcome };
}

/** The comparison reads both stores by the same rules as the copying; verifying walks the target as a running program would. */
async function outcomeOf({ verify }: Deps, { problems }: Verdict): Promise<MoveReport['outcome']> {
  if (problems.length === 0) return 'same';
  const before = await verify('source', () => {});
  const lines = (those: string[]) => those.toSorted().join('\n');
  return lines(before.problems) === lines(problems) ? 'damaged' : 'differs';
}

/** Every endpoint's secrets open, and the newest signature of a receipt chain is of a key that is known. */
async function assertKeysKnown({ source, keyRing }: Deps): Promise<void> {
  const cure = 'Put the secret key that the embedded server used last into FORMSTEAD_SECRET_KEY_PREVIOUS.';
  let newest: { at: number; keyId: string } | undefined;
  for await (const records of source.read('chain')) {
    for (const record of records) {
      const signed = record.part === 'chain' ? record.chain.signed : undefined;
      if (signed !== undefined && signed.at >= (newest?.at ?? 0)) newest = signed;
    }
  }
  if (newest !== undefined && !keyRing.keyIds('receipts').includes(newest.keyId))
    throw new AppError('value-refused', { detail: `The receipts were signed with another secret key. ${cure}` });
  for await (const records of source.read('endpoint')) {
    for (const record of records) {
      if (record.part !== 'endpoint') continue;
      const { id, secrets } = record.doc;
      if (secrets.every(({ sealed }) => keyRing.open('webhook-secrets', sealed, id) !== undefined)) continue;
      const detail = `The signing secret of the webhook endpoint ${id} was sealed with another secret key. ${cure}`;
      throw new AppError('value-refused', { detail });
    }
  }
}

/** What the source holds, with what was missing in the target put there on the way. */
async function copyParts(
  { source, target }: Deps,
  move: Move,
  progress: (done: number) => void,
): Promise<Map<Part, Tally>> {
  const reachedOf = (part: Part) =>
    move.finishedAt === undefined ? (move.reached[part] ?? 0) : Number.POSITIVE_INFINITY;
  return tallyParts(source, progress, async (part, records, seen) => {
    if (seen > reachedOf(part)) await target.write(part, records, seen);
  });
}

async function tallyParts(
  store: TransferReads,
  progress: (done: number) => void,
  each: (part: Part, ...batch: [Parameters<TransferTarget['write']>[1], number]) => Promise<void> = async () => {},
): Promise<Map<Part, Tally>> {
  const tallies = new Map<Part, Tally>();
  let done = 0;
  for (const part of parts) {
    const tally = createTally();
    for await (const records of store.read(part)) {
      for (const record of records) tally.add(canonicalJson(record, mostLevels));
      await each(part, records, tally.result().count);
      done += records.length;
      progress(done);
    }
    tallies.set(part, tally.result());
  }
  return tallies;
}

/** All but datasets, whose numbers are those of the store before, and what questions have made. Where both are the same directory, everything is there already. */
async function copyFiles(
  { source, target }: { source: BlobStore; target: BlobStore },
  writes: boolean,
): Promise<{ source: Tally; target: Tally }> {
  const [ofSource, ofTarget] = [createTally(), createTally()];
  for (const area of await source.areas()) {
    if (isDatasetArea(area) || isTemporaryArea(area)) continue;
    for (const { name } of await source.list(area)) {
      const wanted = await source.describe(name);
      if (wanted === undefined) continue;
      let there = await target.describe(name);
      if (writes && there?.sha256 !== wanted.sha256) {
        await target.write(name, source.stream(name));
        there = await target.describe(name);
      }
      ofSource.add(`${name}\n${wanted.sha256}`);
      if (there !== undefined) ofTarget.add(`${name}\n${there.sha256}`);
    }
  }
  return { source: ofSource.result(), target: ofTarget.result() };
}
