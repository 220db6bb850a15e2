import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { isAbsolute, join } from 'node:path';

const root = join(import.meta.dirname, '..');
const file = join(root, 'docs/reference/baselines.md');

export type Report = {
  /** Prints a line, and keeps it for the record. */
  say(line: string): void;
  /** Puts what was said into docs/reference/baselines.md, in the place of what this benchmark said before. */
  record(): void;
};

/** Of an even count the higher one of the two in the middle. */
export const median = (numbers: number[]) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]!;

/** Of the benchmark that `npm run bench:<name>` starts. */
export function createReport(name: string): Report {
  const lines: string[] = [];
  return {
    say(line) {
      console.log(line);
      lines.push(line);
    },
    record() {
      // A folder of this machine says nothing to others.
      const args = process.argv
        .slice(2)
        .flatMap((arg) => (arg === '--record' ? [] : isAbsolute(arg) ? '<folder>' : arg));
      const command = ['npm run', `bench:${name}`, ...(args.length > 0 ? ['--', ...args] : [])].join(' ');
      const head = `${new Date().toISOString().slice(0, 10)}, ${release()}, ${machine()}:`;
      const text = `${head}\n\n\`\`\`text\n$ ${command}\n${lines.join('\n').trim()}\n\`\`\``;
      writeFileSync(file, withSection(readFileSync(file, 'utf8'), `bench:${name}`, text));
    },
  };
}

/** The page with another text between the two markers of that name. Errors: the page has no such place. */
export function withSection(page: string, name: string, text: string): string {
  const [before, after] = [`<!-- ${name} -->\n`, `\n<!-- end of ${name} -->`];
  const [from, to] = [page.indexOf(before), page.indexOf(after)];
  if (from < 0 || to < from) throw new Error(`the page has no place for ${name}`);
  return page.slice(0, from + before.length) + text + page.slice(to);
}

function release(): string {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const git = (...args: string[]) => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim();
  const changed = git('status', '--porcelain', '--', ':!docs') === '' ? '' : ' with changes';
  return `version ${version} at ${git('rev-parse', '--short=12', 'HEAD')}${changed}`;
}

function machine(): string {
  const all = cpus();
  return `${all.length} × ${all[0]?.model.trim()}, ${Math.round(totalmem() / 1024 ** 3)} GB of memory, Node ${process.versions.node}`;
}
