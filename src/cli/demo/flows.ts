import { progressBar } from '../progress.ts';
import type { ApiClient } from './api-client.ts';
import { exportAll } from './exports.ts';
import { jobsOf, type Live, measured, progressing, readBack, waitUntilUnderstood } from './forms.ts';
import type { ReceiverProcess } from './receiver-process.ts';
import { printTable, type Row, type Understood } from './report.ts';
import { type Sent, sendAll } from './senders.ts';
import { showProvenance, tierTable } from './tiers.ts';
import { accuracyLine, showOne, understandingLine } from './understanding.ts';

/** Where the demo runs. */
export type Place = {
  /** Of this moment: a server that was started again may be elsewhere. */
  url(): string;
  login(): Promise<ApiClient>;
  /** What happens when half of the responses are sent. */
  disturb: { name: string; what: string; work: () => Promise<void> } | undefined;
  /** Undefined: nobody receives webhooks. */
  receiver: ReceiverProcess | undefined;
  /** A language model is at work. */
  hasModel: boolean;
  /** What `formstead verify` finds; undefined where its store is out of reach. */
  verify: (() => Promise<{ ok: boolean; line: string }>) | undefined;
};

const clients = 8;

/** Sends, understands, delivers, exports and counts the responses of these forms, and prints what became of them. False when anything was lost. */
export async function runFlows(place: Place, forms: Live[], rows: Row[], startedAt: number): Promise<boolean> {
  if (place.hasModel) await sendFirst(place, forms, rows);
  const sent = await send(place, forms, rows);
  // The login of before need not be good after a disturbance.
  const api = await place.login();
  const understanding = await timed(() => waitUntilUnderstood(api, forms));
  const kept = await readBack(api, forms);
  rows.push({ what: 'kept', result: `${kept.size} responses` });
  rows.push({ what: 'understood', result: understandingLine(kept), seconds: understanding.seconds });
  for (const form of forms) rows.push({ what: `  ${form.name}`, result: accuracyLine(form, sent, kept) });
  const undelivered = place.receiver && (await receiveAll(place.receiver, sent, rows));

  const exporting = await timed(() => exportAll(api, forms));
  rows.push({ what: 'exported', result: exporting.value.line, seconds: exporting.seconds });
  const asking = await timed(() =>
    api.get<{ by_label: { label: string | null; count: number }[] }>(`/forms/${forms[0]!.id}/analytics`),
  );
  rows.push({
    what: 'queried',
    result: asking.value.by_label.map(({ label, count }) => `${label ?? 'none'} ${count}`).join(', '),
    seconds: asking.seconds,
  });
  const lost = [...sent.values()].filter((one) => !isAsAcknowledged(one, kept)).length;
  const verdict = await (place.verify?.() ?? receiptsOf(kept, sent));
  rows.push({ what: 'verified', result: verdict.line });
  const unexported = sent.size - exporting.value.rows;
  const webhooks = undelivered === undefined ? '' : `${undelivered} webhooks, `;
  rows.push({ what: 'lost', result: `${lost} responses, ${webhooks}${unexported} exported rows` });
  rows.push({ what: 'in all', result: '', seconds: (performance.now() - startedAt) / 1000 });
  printTable(rows);
  if (place.hasModel) console.log(`${tierTable([...kept.values()]).replaceAll(/^/gm, '  ')}\n`);
  for (const form of forms) showOne(form, sent, kept);
  if (place.hasModel) console.log(showProvenance([...kept.values()]).join('\n'));
  return lost === 0 && !undelivered && !place.receiver?.bad && unexported === 0 && verdict.ok;
}

export async function timed<T>(work: () => Promise<T>): Promise<{ value: T; seconds: number }> {
  const from = performance.now();
  const value = await work();
  return { value, seconds: (performance.now() - from) / 1000 };
}

/** One response to each form, which makes the server measure what the model adds there; until it has, the model is not asked for labels. Sent again, they are the same. */
async function sendFirst({ url, login }: Place, forms: Live[], rows: Row[]): Promise<void> {
  const jobs = forms.flatMap((form) => jobsOf(form).slice(0, 1));
  const { value, seconds } = await timed(async () => {
    await sendAll({ url, jobs, clients, onAccepted: () => {} });
    const api = await login();
    return await measured(api);
  });
  rows.push({ what: 'measured', result: `what the model adds, on ${value} forms`, seconds });
}

async function send({ url, disturb }: Place, forms: Live[], rows: Row[]): Promise<Map<string, Sent>> {
  // In turns, so that what limits the responses to one form limits all of them at the same time.
  const jobs = forms.flatMap(jobsOf).toSorted((a, b) => a.place - b.place);
  const sent = new Map<string, Sent>();
  const bar = progressBar('responses sent');
  bar.total(jobs.length);
  let disturbed: Promise<{ seconds: number }> | undefined;
  const sending = await timed(() =>
    sendAll({
      url,
      jobs,
      clients,
      onAccepted(one) {
        sent.set(one.job.key, one);
        bar.update(sent.size);
        if (disturb && sent.size >= jobs.length / 2) disturbed ??= timed(disturb.work);
      },
    }),
  );
  bar.stop();
  rows.push({ what: 'sent', result: `${sent.size} responses from ${clients} clients`, seconds: sending.seconds });
  const disturbance = await disturbed;
  if (disturb && disturbance) rows.push({ what: disturb.name, result: disturb.what, seconds: disturbance.seconds });
  return sent;
}

/** How many of the responses were not told of. */
async function receiveAll(receiver: ReceiverProcess, sent: Map<string, Sent>, rows: Row[]): Promise<number> {
  const ids = new Set([...sent.values()].map(({ responseId }) => responseId));
  // An installation that is in use tells of responses of others too.
  const ours = () => [...receiver.seen.values()].filter(({ responseId }) => ids.has(responseId ?? ''));
  const told = () => new Set(ours().map(({ responseId }) => responseId)).size;
  const { seconds } = await timed(() => progressing(`${ids.size} webhooks`, ids.size, async () => told()));
  const repeats = ours().filter(({ times }) => times > 1).length;
  const result = `${ours().length} webhooks, ${receiver.bad} bad signatures, ${repeats} repeated under the same id`;
  rows.push({ what: 'delivered', result, seconds });
  return ids.size - told();
}

function isAsAcknowledged({ responseId, receipt }: Sent, kept: Map<string, Understood>): boolean {
  const there = kept.get(responseId)?.receipt;
  return there?.chain === receipt.chain && there.seq === receipt.seq && there.sha256 === receipt.sha256;
}

async function receiptsOf(kept: Map<string, Understood>, sent: Map<string, Sent>) {
  const good = [...sent.values()].filter((one) => isAsAcknowledged(one, kept)).length;
  return { ok: good === sent.size, line: `${good} of ${sent.size} receipts are as they were answered` };
}
