import { resolve } from 'node:path';
import type { ComparedPart, MoveReport } from '#app/move.ts';
import { verdictLine } from '#app/verify.ts';
import { openMove } from '#compose/move.ts';
import { sameTally } from '#domain/checksum.ts';
import { type Progress, progressBar } from './progress.ts';
import { configOrExit } from './settings.ts';
import { tableText } from './table.ts';

/** Moves an embedded installation into the stack and prints what was compared; exit code 1 when the two are not the same. */
export async function move(options: { from: string }): Promise<void> {
  const { config } = configOrExit();
  const from = resolve(options.from);
  const open = await openMove(config, from);
  let stage: string | undefined;
  let bar: Progress | undefined;
  process.once('SIGINT', () => {
    // It hides the cursor.
    bar?.stop();
    console.error('Stopped. The same command goes on from here.');
    process.exit(130);
  });
  try {
    const report = await open.run((name, done, total) => {
      if (name !== stage) {
        bar?.stop();
        bar = progressBar(name);
        bar.total(total);
        stage = name;
      }
      bar?.update(done);
    });
    bar?.stop();
    print(report, from);
  } finally {
    bar?.stop();
    await open.close();
  }
}

function print(report: MoveReport, from: string): void {
  console.log(tableOf(report.compared));
  if (report.verdict) {
    for (const problem of report.verdict.problems) console.error(problem);
    console.log(verdictLine(report.verdict));
  }
  if (report.outcome === 'same') console.log(closingLine(report, from));
  else {
    console.error(`formstead: ${fault(report, from)}`);
    process.exitCode = 1;
  }
}

function closingLine({ finishedBefore }: MoveReport, from: string): string {
  return finishedBefore === undefined
    ? `Moved. Start the stack. ${from} is as it was and is not needed any more; a server that starts there is refused.`
    : `Moved on ${new Date(finishedBefore).toISOString()} already; nothing was written, and both are still the same.`;
}

function fault({ outcome, finishedBefore, compared, verdict }: MoveReport, from: string): string {
  if (outcome === 'damaged')
    return `Everything was moved as it is, but it does not add up, neither here nor in ${from} before. The lines above say what is wrong.`;
  const names = compared.filter((each) => !sameTally(each.source, each.target)).map(({ part }) => part);
  const what = verdict ? 'the target does not verify' : `source and target differ: ${names.join(', ')}`;
  if (finishedBefore !== undefined)
    return `The move was finished on ${new Date(finishedBefore).toISOString()}, and ${what}. That is so once the stack has been in use; nothing was written.`;
  return `The move is not finished: ${what}. The source has changed since the move began, or somebody has written into the database. Drop the database that MONGODB_URL names and move again.`;
}

/** Counts, and the first digits of the checksums; without the parts of which there is nothing. */
function tableOf(compared: ComparedPart[]): string {
  const held = compared.filter(({ source, target }) => source.count + target.count > 0);
  const rows = held.map(({ part, source, target }) => [
    part,
    String(source.count),
    String(target.count),
    source.checksum.slice(0, 12),
    sameTally(source, target) ? 'same' : `DIFFERS ${target.checksum.slice(0, 12)}`,
  ]);
  return tableText([['part', 'source', 'target', 'checksum', ''], ...rows], [1, 2]);
}
