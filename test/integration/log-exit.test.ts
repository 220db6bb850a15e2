import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';

const log = new URL('../../src/adapters/log-pino/log.ts', import.meta.url).href;

/** Runs a program that logs `lines` lines to a pipe and then ends in the given way; what it wrote, and its exit code. */
async function logged(lines: number, ending: string): Promise<{ written: string[]; code: number | null }> {
  const program = `
    const { createLog } = await import(${JSON.stringify(log)});
    const log = createLog({ level: 'info', clock: { now: () => Date.now() } });
    for (let n = 0; n < ${lines}; n++) log.info({ n, filler: 'x'.repeat(200) }, 'line');
    ${ending}`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  return { written: text.split('\n').filter((line) => line !== ''), code };
}

for (const [how, ending, code] of [
  ['ends by itself', '', 0],
  ['calls process.exit', 'process.exit(3);', 3],
  ['throws', "throw new Error('fault');", 1],
] as const) {
  test(`all 5,000 lines are written, whole and in order, when the process ${how}`, { timeout: 30_000 }, async () => {
    const { written, code: seen } = await logged(5000, ending);
    assert.equal(seen, code);
    assert.equal(written.length, 5000);
    written.forEach((line, n) => {
      assert.equal((JSON.parse(line) as { n: number }).n, n);
    });
  });
}
