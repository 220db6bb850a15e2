import { Readable } from 'node:stream';
import type { EventData } from 'node:test';
import { spec } from 'node:test/reporters';

/** Files below this are listed; the totals are of all files. The thresholds themselves stand in package.json. */
const weakPercent = 80;

type Event =
  | { type: 'test:diagnostic'; data: EventData.TestDiagnostic }
  | { type: 'test:coverage'; data: EventData.TestCoverage }
  | { type: string; data: unknown };

/** Node's own `spec` reporter, but the coverage comes before the summary and names only the weak files, so that the output ends with what counts. */
export default async function* report(events: AsyncIterable<Event>): AsyncGenerator<string> {
  yield* Readable.from(reordered(events)).pipe(new spec());
}

async function* reordered(events: AsyncIterable<Event>): AsyncGenerator<Event> {
  const summary: Event[] = [];
  for await (const event of events) {
    if (isOfTheRun(event)) summary.push(event);
    else if (event.type === 'test:coverage') yield weakFilesOf(event as { data: EventData.TestCoverage });
    else yield event;
  }
  yield* summary;
}

/** `tests 12`, `pass 12` and so on: diagnostics that belong to no test. */
function isOfTheRun(event: Event): boolean {
  return event.type === 'test:diagnostic' && (event.data as EventData.TestDiagnostic).file === undefined;
}

function weakFilesOf({ data }: { data: EventData.TestCoverage }): Event {
  const { summary } = data;
  const weak = summary.files.filter(
    (file) => file.coveredLinePercent < weakPercent || file.coveredBranchPercent < weakPercent,
  );
  return { type: 'test:coverage', data: { ...data, summary: { ...summary, files: weak } } };
}
