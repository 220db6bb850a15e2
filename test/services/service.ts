import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

export type Service = { name: string; url: string; stop(): Promise<void> };

const readyWithinMs = 30_000;

/** Runs a server until `stop`; resolves once it answers. Errors: it ended, or gave no answer in 30 s; with what it said. */
export async function startService(spec: {
  name: string;
  url: string;
  command: string[];
  ready: () => Promise<unknown>;
  ended: () => void;
}): Promise<Service> {
  const [command = '', ...args] = spec.command;
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      said = `${said}${text}`.slice(-4000);
    });
  let gone: Error | undefined;
  child.once('error', (err) => {
    gone = err;
  });
  child.once('exit', (code) => {
    gone ??= new Error(`it ended with ${code}`);
  });
  const until = performance.now() + readyWithinMs;
  while (gone === undefined) {
    const err = await spec.ready().then(
      () => undefined,
      (reason: unknown) => reason as Error,
    );
    if (err === undefined) break;
    if (performance.now() > until) gone = err;
    else await sleep(100);
  }
  if (gone !== undefined) {
    child.kill('SIGKILL');
    throw new Error(`${spec.name} did not start: ${gone.message}\n${said}`);
  }
  return {
    name: spec.name,
    url: spec.url,
    async stop() {
      const closed = once(child, 'close');
      child.kill('SIGKILL');
      await closed;
      spec.ended();
    },
  };
}
