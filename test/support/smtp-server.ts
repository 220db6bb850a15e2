import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { parseMail } from './parse-mail.ts';
import type { SmtpNews, SmtpSettings } from './smtp-child.ts';

export type Taken = Extract<SmtpNews, { raw: string }> & ReturnType<typeof parseMail>;

/** The server of smtp-child.ts, until the test ends. `kill` is a kill -9; `start` brings it back on the same port. */
export async function startSmtpServer(t: Pick<TestContext, 'after'>, settings: SmtpSettings = {}) {
  /** Messages that were answered with 250, in the order in which they came. */
  const taken: Taken[] = [];
  /** Recipients whose message was not. */
  const refused: string[] = [];
  let child: ChildProcess | undefined;
  let port = settings.port ?? 0;

  async function start(): Promise<void> {
    const program = join(import.meta.dirname, 'smtp-child.ts');
    const started = spawn(process.execPath, [program, JSON.stringify({ ...settings, port })], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    child = started;
    // It may be killed while it is told.
    started.stdin!.on('error', () => {});
    port = await new Promise<number>((resolve, reject) => {
      started.once('exit', (code) => reject(new Error(`the SMTP server ended with ${code}`)));
      createInterface({ input: started.stdout! }).on('line', (line) => {
        const news: SmtpNews = JSON.parse(line);
        if ('port' in news) resolve(news.port);
        else if ('refused' in news) refused.push(news.refused);
        else {
          taken.push({ ...news, ...parseMail(news.raw) });
          started.stdin!.write('.');
        }
      });
    });
  }

  async function kill(): Promise<void> {
    const running = child;
    if (!running || running.exitCode !== null || running.signalCode !== null) return;
    const gone = new Promise((resolve) => running.once('exit', resolve));
    running.kill('SIGKILL');
    await gone;
  }

  await start();
  t.after(kill);
  return {
    get port() {
      return port;
    },
    taken,
    refused,
    start,
    kill,
  };
}
