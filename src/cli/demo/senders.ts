import { setTimeout as pause } from 'node:timers/promises';

/** `place`: among the responses to its form. */
export type Job = { path: string; body: string; key: string; place: number };
export type Receipt = { chain: string; seq: number; sha256: string };
export type Sent = { job: Job; responseId: string; receipt: Receipt; tries: number };

/** A client gives up on one response after this many tries: a minute without a server. */
const mostTries = 300;
const betweenTriesMs = 200;
/** A server may ask for patience, within reason. */
const mostPatienceMs = 60_000;

/**
 * Sends every job from `clients` at once. Each response has an idempotency key, so a client that lost its connection (the server was killed
 * before, during or after the commit) sends the same again without fear, as a good client does; and one that was too quick waits as long as it is told.
 */
export async function sendAll(options: {
  url: () => string;
  jobs: Job[];
  clients: number;
  onAccepted: (sent: Sent) => void;
}): Promise<void> {
  const queue = [...options.jobs];
  const client = async () => {
    for (let job = queue.shift(); job; job = queue.shift()) options.onAccepted(await sendOne(options.url, job));
  };
  await Promise.all(Array.from({ length: options.clients }, client));
}

async function sendOne(url: () => string, job: Job): Promise<Sent> {
  for (let tries = 1; tries <= mostTries; tries += 1) {
    const response = await fetch(url() + job.path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': job.key },
      body: job.body,
    }).catch(() => undefined);
    if (response?.status === 202) {
      const body = (await response.json().catch(() => undefined)) as
        | { response_id: string; receipt: Receipt }
        | undefined;
      if (body) return { job, responseId: body.response_id, receipt: body.receipt, tries };
    } else if (response && response.status < 500 && response.status !== 429) {
      throw new Error(`the server refused ${job.key}: ${response.status} ${await response.text()}`);
    }
    const wanted = 1000 * Number(response?.headers.get('retry-after') ?? 0);
    await pause(Math.min(mostPatienceMs, Math.max(betweenTriesMs, wanted)));
  }
  throw new Error(`no answer to ${job.key} after ${mostTries} tries`);
}
