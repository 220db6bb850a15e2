import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, rmSync, statfsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '#domain/errors.ts';
import type { Response } from '#domain/response.ts';
import { databaseFile, openSqliteStorage } from '../../src/adapters/storage-sqlite/storage.ts';
import { checkedLinks } from '../contract/storage/chain-check.ts';
import { aResponse, itsTask } from '../contract/storage/documents.ts';
import { assertSound } from './sqlite-place.ts';

/*
 * Fills the disk under a store that is at work, and gives it room again. Arguments: the directory, and how it gets full: `disk` fills the file system that
 * the directory is on (a small one, mounted for this), `limit` forbids this process to make files longer. Prints what happened as JSON.
 */
const [dir, how] = process.argv.slice(2) as [string, 'disk' | 'limit'];
const ballast = join(dir, 'ballast');

function limitFiles(bytes: number | 'unlimited'): void {
  execFileSync('prlimit', ['--pid', String(process.pid), `--fsize=${bytes}:unlimited`]);
}

function fill(): void {
  if (how === 'limit') {
    limitFiles(statSync(join(dir, `${databaseFile}-wal`)).size + 300_000);
    return;
  }
  const { bavail, bsize } = statfsSync(dir);
  writeFileSync(ballast, Buffer.alloc(bavail * bsize - 300_000));
}

function empty(): void {
  if (how === 'limit') limitFiles('unlimited');
  else rmSync(ballast);
}

const storage = await openSqliteStorage({ dir });
const kept: Response[] = [];
const refused: { response: Response; code: string }[] = [];

async function submit(): Promise<void> {
  const response = aResponse({ answers: { message: 'x'.repeat(20_000) } });
  const change = { op: 'insert', kind: 'response', doc: response } as const;
  try {
    assert.equal((await storage.commit({ change, tasks: [itsTask(response)] })).outcome, 'committed');
    kept.push(response);
  } catch (err) {
    refused.push({ response, code: err instanceof AppError ? err.code : String(err) });
  }
}

for (let i = 0; i < 5; i++) await submit();
assert.equal(refused.length, 0);
fill();
while (refused.length < 20 && kept.length < 500) await Promise.all([submit(), submit(), submit()]);
const keptUntilFull = kept.length;
assert.ok(await storage.get('response', kept.at(-1)!.id), 'it still answers reads');
empty();
for (let i = 0; i < 5; i++) await submit();
await storage.ping();
await storage.close();

const again = await openSqliteStorage({ dir });
const links = new Map((await checkedLinks(again)).map((link) => [link.response.id, link]));
for (const { id } of kept) assert.ok(links.has(id), `${id} was acknowledged and is lost`);
for (const { response } of refused) {
  const halves = [links.has(response.id), (await again.tasks.get(itsTask(response).id)) !== undefined];
  assert.equal(halves[0], halves[1], `${response.id} is half there`);
}
await again.close();
assertSound(join(dir, databaseFile));
const facts = {
  keptUntilFull,
  keptAfter: kept.length - keptUntilFull,
  codes: [...new Set(refused.map(({ code }) => code))],
  ballastGone: !existsSync(ballast),
};
process.stdout.write(`${JSON.stringify(facts)}\n`);
