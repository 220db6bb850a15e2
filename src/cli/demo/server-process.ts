import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../main.js', import.meta.url));

/** A server of its own process, as an operator would run it: it can be killed without mercy and started again. */
export type ServerProcess = {
  url: string;
  pid: number;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>;
};

/** Errors: rejects with the server's last words when it ends before it listens. */
export async function startServer(env: Record<string, string>): Promise<ServerProcess> {
  const child: ChildProcess = spawn(process.execPath, [...process.execArgv, main, 'serve'], {
    env: { ...inherited(), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const words: string[] = [];
  const hear = (line: string) => {
    words.push(line);
    if (words.length > 20) words.shift();
  };
  createInterface({ input: child.stderr! }).on('line', hear);
  const url = await new Promise<string>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the server ended with code ${code}:\n${words.join('\n')}`)));
    createInterface({ input: child.stdout! }).on('line', (line) => {
      hear(line);
      const found = listeningUrl(line);
      if (found) resolve(found);
    });
  });
  const gone = once(child, 'exit');
  return {
    url,
    pid: child.pid!,
    async kill() {
      child.kill('SIGKILL');
      await gone;
    },
    async stop() {
      child.kill('SIGTERM');
      const [code] = await gone;
      return code as number | null;
    },
  };
}

/** Settings of the surrounding shell must not reach the demo's server. */
function inherited(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !name.startsWith('FORMSTEAD_') && name !== 'MONGODB_URL' && name !== 'REDIS_URL',
  );
  return Object.fromEntries(kept);
}

function listeningUrl(line: string): string | undefined {
  if (!line.includes('"listening"')) return undefined;
  const entry = JSON.parse(line) as { msg?: string; url?: string };
  return entry.msg === 'listening' ? entry.url : undefined;
}
