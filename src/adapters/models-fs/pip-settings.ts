import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { getCACertificates } from 'node:tls';

export type PipSettings = {
  /** Base of the simple API. */
  index: string;
  /** Certificates to trust, where pip has a file of them: Node's and those. */
  ca?: string[];
};

type Environment = Readonly<Record<string, string | undefined>>;
type Read = (path: string) => string | undefined;

const pypi = 'https://pypi.org/simple';

/**
 * The registry and the certificates that pip would use on this machine: PIP_INDEX_URL and PIP_CERT, else the user's pip.conf, else the system's.
 * A file that is not there or cannot be read counts as empty, as it does for pip. `index`, if given, goes before all.
 */
export function pipSettings(env: Environment, index?: string, read: Read = readText): PipSettings {
  const values = Object.assign({}, ...configFiles(env).map((path) => valuesOf(read(path) ?? '')));
  const base = index || env.PIP_INDEX_URL || values['index-url'] || pypi;
  const pem = read(env.PIP_CERT || values.cert || '');
  return { index: base, ...(pem !== undefined && { ca: [...getCACertificates('default'), pem] }) };
}

/** Later ones go before earlier ones. */
function configFiles(env: Environment): string[] {
  if (env.PIP_CONFIG_FILE === '/dev/null') return [];
  const home = env.HOME;
  const user = env.XDG_CONFIG_HOME || (home && join(home, '.config'));
  return [
    '/etc/xdg/pip/pip.conf',
    '/etc/pip.conf',
    home && join(home, '.pip', 'pip.conf'),
    user && join(user, 'pip', 'pip.conf'),
    env.VIRTUAL_ENV && join(env.VIRTUAL_ENV, 'pip.conf'),
    env.PIP_CONFIG_FILE,
  ].filter((path): path is string => path !== undefined && path !== '');
}

/** What [global] says, and [download] before it: what is wanted here is what `pip download` would fetch. */
function valuesOf(text: string): Record<string, string> {
  const sections: Record<string, Record<string, string>> = { global: {}, download: {} };
  let section = '';
  for (const line of text.split(/\r?\n/)) {
    const [, title] = /^\s*\[([^\]]+)\]/.exec(line) ?? [];
    if (title !== undefined) section = title.trim().toLowerCase();
    const [, key, value] = /^([A-Za-z][\w-]*)\s*[=:]\s*(.*?)\s*$/.exec(line) ?? [];
    if (key !== undefined && value !== undefined && value !== '')
      (sections[section] ?? {})[key.toLowerCase().replaceAll('_', '-')] = value;
  }
  return { ...sections.global, ...sections.download };
}

function readText(path: string): string | undefined {
  try {
    return path === '' ? undefined : readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
