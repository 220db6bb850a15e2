import { fork } from 'node:child_process';
import type { Received } from './receiver.ts';

export type ReceiverProcess = {
  url: string;
  trust(secret: string): void;
  /** How often each webhook-id came, with what was wrong. */
  seen: Map<string, { times: number; type: string; responseId: string | undefined }>;
  bad: number;
  stop(): void;
};

export async function startReceiver(): Promise<ReceiverProcess> {
  const child = fork(new URL('./receiver.ts', import.meta.url), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const seen: ReceiverProcess['seen'] = new Map();
  const port = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('message', (message: { port: number }) => resolve(message.port));
  });
  const receiver: ReceiverProcess = {
    url: `http://127.0.0.1:${port}/webhooks`,
    trust: (secret) => child.send({ secret }),
    seen,
    bad: 0,
    stop: () => child.disconnect(),
  };
  child.on('message', ({ webhookId, good, type, responseId }: Received) => {
    if (!good) {
      receiver.bad += 1;
      return;
    }
    const times = (seen.get(webhookId)?.times ?? 0) + 1;
    seen.set(webhookId, { times, type, responseId });
  });
  return receiver;
}
