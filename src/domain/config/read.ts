import type { ConfigMistake, Machine, Setting } from './setting.ts';
import { nearest } from './suggestion.ts';

export type SettingsTable = Record<string, Setting<unknown>>;
export type ValuesOf<T extends SettingsTable> = { readonly [K in keyof T]: T[K] extends Setting<infer V> ? V : never };

export type Environment = Readonly<Record<string, string | undefined>>;
/** The text of a file. Errors: throws (with a `code`) when it cannot be read. */
export type ReadFile = (path: string) => string;

const prefix = 'FORMSTEAD_';

/**
 * Every value of the table out of the environment. Where a value is wrong its default stands in, its key is in `failed`, and `mistakes` says why.
 * A variable that is set to nothing counts as not set (`${X:-}` in a compose file).
 */
export function readSettings<T extends SettingsTable>(
  table: T,
  env: Environment,
  readFile: ReadFile,
  machine: Machine,
): { values: ValuesOf<T>; failed: Set<string>; mistakes: ConfigMistake[] } {
  const values: Record<string, unknown> = {};
  const failed = new Set<string>();
  const mistakes: ConfigMistake[] = [];
  for (const [key, setting] of Object.entries(table)) {
    const read = readOne(setting, env, readFile, machine);
    if (read && 'problem' in read) {
      mistakes.push(read);
      failed.add(key);
    }
    values[key] = read && 'value' in read ? read.value : setting.fallback(machine);
  }
  return { values: values as ValuesOf<T>, failed, mistakes: [...mistakes, ...unknownNames(table, env)] };
}

/** Undefined when the variable is not set. */
function readOne(
  setting: Setting<unknown>,
  env: Environment,
  readFile: ReadFile,
  machine: Machine,
): { value: unknown } | ConfigMistake | undefined {
  const fileName = `${setting.env}_FILE`;
  const direct = env[setting.env];
  const path = setting.secret ? env[fileName] : undefined;
  if (direct && path) {
    return {
      name: setting.env,
      problem: `is set, and so is ${fileName}`,
      cure: 'Keep one of the two and unset the other.',
    };
  }
  if (path) {
    const file = textOf(path, readFile);
    if ('problem' in file) return { name: fileName, ...file };
    return named(fileName, setting.parse(file.text, machine));
  }
  // A secret is taken as it is; around anything else white space is a slip of the editor.
  const text = setting.secret ? direct : direct?.trim();
  return text ? named(setting.env, setting.parse(text, machine)) : undefined;
}

function named(name: string, parsed: ReturnType<Setting<unknown>['parse']>): { value: unknown } | ConfigMistake {
  return 'problem' in parsed ? { name, ...parsed } : parsed;
}

function textOf(path: string, readFile: ReadFile): { text: string } | { problem: string; cure: string } {
  try {
    // Editors and `echo` end a file with a line break that is not part of the secret.
    const text = readFile(path).replace(/[\r\n]+$/, '');
    if (text !== '') return { text };
    return { problem: `the file ${path} is empty`, cure: 'Write the secret into it, or unset the variable.' };
  } catch (err) {
    const code = (err as { code?: unknown }).code;
    return {
      problem: `the file ${path} cannot be read (${typeof code === 'string' ? code : 'unknown error'})`,
      cure:
        code === 'ENOENT'
          ? 'Check the path; in a container, that the secret is mounted there.'
          : 'Make it a file that the user who runs formstead may read.',
    };
  }
}

/** A misspelt variable would silently leave the default in force. */
function unknownNames(table: SettingsTable, env: Environment): ConfigMistake[] {
  const rows = Object.values(table);
  const known = new Set(rows.flatMap((row) => (row.secret ? [row.env, `${row.env}_FILE`] : [row.env])));
  const plain = new Set(rows.filter((row) => !row.secret).map((row) => `${row.env}_FILE`));
  return Object.keys(env)
    .filter((name) => name.startsWith(prefix) && !known.has(name))
    .toSorted()
    .map((name) => ({ name, problem: 'is not a setting', cure: cureFor(name, known, plain) }));
}

function cureFor(name: string, known: Set<string>, plain: Set<string>): string {
  if (plain.has(name)) return `Only secrets are read from files: set ${name.slice(0, -'_FILE'.length)}.`;
  if (/^FORMSTEAD_(?:SERVICE_|PORT_\d+_)/.test(name))
    return 'Kubernetes sets it for a service of the same name: set enableServiceLinks: false on the pod.';
  const near = nearest(name, known);
  return near ? `Did you mean ${near}?` : 'Unset it. All settings are in docs/reference/configuration.md.';
}
