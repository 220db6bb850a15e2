import { setTimeout as pause } from 'node:timers/promises';

export type Job = { path: string; body: string; key: string };
export type Sent = { job: Job; responseId: string; seq: number; chain: string; tries: number };

/** A client gives up on one response after this many tries: a minute without a server. */
const mostTries = 300;
const betweenTriesMs = 200;

/**
 * Sends every job from `clients` at once. Each response has an idempotency key, so a client that lost its connection (the server was killed
 * before, during or after the commit) sends the same again without fear, as a good client does.
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
        | { response_id: string; receipt: { seq: number; chain: string } }
        | undefined;
      if (body) return { job, responseId: body.response_id, seq: body.receipt.seq, chain: body.receipt.chain, tries };
    } else if (response && response.status < 500) {
      throw new Error(`the server refused ${job.key}: ${response.status} ${await response.text()}`);
    }
    await pause(betweenTriesMs);
  }
  throw new Error(`no answer to ${job.key} after ${mostTries} tries`);
}
