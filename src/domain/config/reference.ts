import type { SettingsTable } from './read.ts';

/** The reference page, in Markdown, of the sections of the table. */
export function configurationPage(sections: readonly { title: string; settings: SettingsTable }[]): string {
  const lines = [
    '# Configuration',
    '',
    '<!-- Generated from the table in src/domain/config/sections/ by `node src/cli/pages/config-reference.ts --write`. Edit the table, not this page. -->',
    '',
    'Formstead is configured by environment variables, read once at the start. All mistakes are reported together, each with its cure, and the server',
    'does not start until they are mended; an unknown `FORMSTEAD_…` name is a mistake. A variable set to nothing counts as not set.',
    '',
    'A time is a whole number and its unit: `500ms`, `15s`, `5m`, `2h`, `7d`. A size is a number and its unit: `4096B`, `256kB`, `1.5GB` (powers of 1000),',
    '`64MiB` (powers of 1024). Lists are separated by commas or spaces.',
    '',
    'Secrets (marked so below) can be put into a file: `NAME_FILE` names it. Line breaks at its end are not part of the secret.',
    'Setting both `NAME` and `NAME_FILE` is a mistake.',
  ];
  for (const { title, settings } of sections) {
    lines.push('', `## ${title}`, '', '| name | value | default | meaning |', '| --- | --- | --- | --- |');
    for (const setting of Object.values(settings)) {
      const format = setting.secret ? `${setting.format} (secret: also \`${setting.env}_FILE\`)` : setting.format;
      lines.push(
        `| \`${setting.env}\` | ${cell(format)} | ${cell(shown(setting.shownDefault))} | ${cell(setting.about)} |`,
      );
    }
  }
  return `${lines.join('\n')}\n`;
}

/** A default that can be written into the environment is shown as code, a described one (`the system's`) as words. */
function shown(value: string | undefined): string {
  if (value === undefined) return 'unset';
  return /\s|'|^none$/.test(value) ? value : `\`${value}\``;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
