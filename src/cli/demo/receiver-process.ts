import { fork, type StdioOptions } from 'node:child_process';
import { AppError } from '#domain/errors.ts';
import type { Received } from './receiver.ts';

export type ReceiverProcess = {
  url: string;
  trust(secret: string): void;
  /** How often each webhook-id came, with what was wrong. */
  seen: Map<string, { times: number; type: string; responseId: string | undefined }>;
  bad: number;
  stop(): void;
};

/** `at`: where the server reaches this machine, and at which port; without it, over loopback at a port of its own. Errors: the port is taken. */
export async function startReceiver(at?: URL): Promise<ReceiverProcess> {
  const listen = at === undefined ? [] : [at.port || (at.protocol === 'https:' ? '443' : '80')];
  const stdio: StdioOptions = ['ignore', 'inherit', 'inherit', 'ipc'];
  const child = fork(new URL('./receiver.ts', import.meta.url), listen, { stdio });
  const seen: ReceiverProcess['seen'] = new Map();
  const port = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', () =>
      reject(new AppError('value-refused', { detail: `Nobody can listen at port ${listen[0]}.` })),
    );
    child.once('message', (message: { port: number }) => resolve(message.port));
  });
  const receiver: ReceiverProcess = {
    url: at?.href ?? `http://127.0.0.1:${port}/webhooks`,
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
