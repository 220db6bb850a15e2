import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

export type Child = {
  port: number;
  process: ChildProcess;
  /** Most that the process has had in memory so far, MB. */
  mostResident: () => number;
  stop: () => Promise<void>;
};

/** Starts a program of this repository, with the options of Node that this one has, and waits for the line that says where it listens. */
export async function startChild(
  script: string,
  args: string[],
  env: Record<string, string>,
  portOf: (line: string) => number | undefined,
): Promise<Child> {
  const child = spawn(process.execPath, [...process.execArgv, script, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const port = await new Promise<number>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`${script} ended with ${code} before it listened`)));
    createInterface({ input: child.stdout! }).on('line', (line) => {
      const found = portOf(line);
      if (found !== undefined) resolve(found);
    });
  });
  return {
    port,
    process: child,
    mostResident() {
      const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
      return Number(/^VmHWM:\s+(\d+)/m.exec(status)![1]) / 1e3;
    },
    async stop() {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    },
  };
}

export const barePort = (line: string): number | undefined => JSON.parse(line).port;

export function serverPort(line: string): number | undefined {
  const entry = JSON.parse(line);
  return entry.msg === 'listening' ? Number(new URL(entry.url).port) : undefined;
}
