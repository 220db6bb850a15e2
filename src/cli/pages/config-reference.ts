import { readFile, writeFile } from 'node:fs/promises';
import { sections } from '#config.ts';
import { configurationPage } from '#domain/config/reference.ts';

/** Prints docs/reference/configuration.md; `--write` writes it, `--check` exits with 1 when the committed page differs. */
const page = new URL('../../../docs/reference/configuration.md', import.meta.url);
const text = configurationPage(sections);

if (process.argv.includes('--write')) {
  await writeFile(page, text);
} else if (process.argv.includes('--check')) {
  const committed = await readFile(page, 'utf8').catch(() => '');
  if (committed !== text) {
    console.error(
      'docs/reference/configuration.md is not what src/config.ts says. Run: node src/cli/pages/config-reference.ts --write',
    );
    process.exitCode = 1;
  }
} else {
  process.stdout.write(text);
}
