import { isAddress } from '../mail/address.ts';
import { type Network, parseNetwork } from './network.ts';
import { formatBytes, formatDuration, parseBytes, parseDuration } from './units.ts';

/** One thing wrong with the settings: the variable, what is wrong (never a secret's value), and what to do. */
export type ConfigMistake = { name: string; problem: string; cure: string };

/** What defaults may depend on. `timeZone`: what Node takes the environment to say, which need not be an IANA name. */
export type Machine = { cpus: number; timeZone: string | undefined; absolutePath: (path: string) => string };

export type Parsed<T> = { value: T } | { problem: string; cure: string };

/** One row of the table of settings. */
export type Setting<T> = {
  env: string;
  about: string;
  /** How a value is written, for the reference page. */
  format: string;
  /** Never printed, and may be given as `<env>_FILE`. */
  secret: boolean;
  /** What the reference page shows as default; undefined when there is none. */
  shownDefault: string | undefined;
  /** Errors: none; the problem quotes nothing of a secret. */
  parse(text: string, machine: Machine): Parsed<T>;
  /** The value when the variable is not set. */
  fallback(machine: Machine): T;
  /** How the operator would write this value. */
  show(value: T): string;
};

type Row = { env: string; about: string };
type Default = { default?: string | undefined };
/** A setting with a default always has a value, one without may be undefined. */
type Value<T, O> = O extends { default: string } ? T : T | undefined;

type Kind<T> = {
  format: string;
  parse: (text: string, machine: Machine) => Parsed<T>;
  secret?: boolean;
  show?: (value: T) => string;
};

function define<T>(
  row: Row,
  kind: Kind<T>,
  unset: { shown?: string | undefined; value: (machine: Machine) => T },
): Setting<T> {
  return {
    env: row.env,
    about: row.about,
    format: kind.format,
    secret: kind.secret ?? false,
    shownDefault: unset.shown,
    parse: kind.parse,
    fallback: unset.value,
    show: kind.show ?? String,
  };
}

function setting<T, O extends Row & Default>(row: O, kind: Kind<T>): Setting<Value<T, O>> {
  const fallback = (machine: Machine): T | undefined => {
    if (row.default === undefined) return undefined;
    const parsed = kind.parse(row.default, machine);
    if ('problem' in parsed) throw new Error(`The default of ${row.env} is wrong: ${parsed.problem}`);
    return parsed.value;
  };
  return define<T | undefined>(row, kind as Kind<T | undefined>, { shown: row.default, value: fallback }) as Setting<
    Value<T, O>
  >;
}

/** Any text of one line. */
export function text<const O extends Row & Default & { pattern?: RegExp; format?: string }>(
  row: O,
): Setting<Value<string, O>> {
  const format = row.format ?? 'text';
  return setting(row, {
    format,
    parse: (value) =>
      hasControlCharacter(value) || (row.pattern && !row.pattern.test(value))
        ? wrong(value, `Write it as ${format}.`)
        : { value },
  });
}

export function oneOf<const V extends string, const O extends Row & { values: readonly V[]; default?: NoInfer<V> }>(
  row: O & { values: readonly V[] },
): Setting<Value<V, O>> {
  const format = row.values.join(', ');
  return setting<V, O>(row, {
    format: row.values.map((value) => `\`${value}\``).join(', '),
    parse: (value) => {
      const found = row.values.find((one) => one === value.toLowerCase());
      return found === undefined ? wrong(value, `Use one of: ${format}.`) : { value: found };
    },
  });
}

/** `default: 'cpus'` stands for the number of CPUs this process may use. */
export function integer<const O extends Row & Default & { min: number; max: number; unit?: string }>(
  row: O,
): Setting<Value<number, O>> {
  const range = `${row.min} to ${row.max}`;
  const made = setting(row, {
    format: `whole number, ${range}${row.unit ? ` (${row.unit})` : ''}`,
    parse: (value, machine) => {
      if (value === 'cpus' && row.default === 'cpus')
        return { value: Math.min(row.max, Math.max(row.min, machine.cpus)) };
      const number = /^-?\d{1,15}$/.test(value) ? Number(value) : undefined;
      return number === undefined || number < row.min || number > row.max
        ? wrong(value, `Use a whole number from ${range}.`)
        : { value: number };
    },
  }) as Setting<Value<number, O>>;
  return row.default === 'cpus' ? { ...made, shownDefault: 'the CPUs this process may use' } : made;
}

/** 0 takes any free port. */
export function port<const O extends Row & Default>(row: O): Setting<Value<number, O>> {
  const made = integer<O & { min: 0; max: 65535 }>({ ...row, min: 0, max: 65535 }) as Setting<Value<number, O>>;
  return {
    ...made,
    format: 'port, 0 to 65535 (0 takes any free one)',
    parse: (value, machine) =>
      value.includes('://')
        ? wrong(
            value,
            'Use a port number. Kubernetes sets such values for a service of the same name: set enableServiceLinks: false on the pod.',
          )
        : made.parse(value, machine),
  };
}

/** Bytes; `min` and `max` are written like values. */
export function bytes<const O extends Row & Default & { min?: string; max: string }>(
  row: O,
): Setting<Value<number, O>> {
  return setting(
    row,
    bounded(row, 'size', 'Write a size with its unit, such as 256kB, 1.5GB or 64MiB.', parseBytes, formatBytes),
  );
}

/** Milliseconds; `min` and `max` are written like values. */
export function duration<const O extends Row & Default & { min?: string; max: string }>(
  row: O,
): Setting<Value<number, O>> {
  return setting(
    row,
    bounded(row, 'time', 'Write a time such as 500ms, 15s, 5m, 2h or 7d.', parseDuration, formatDuration),
  );
}

export function flag<const O extends Row & { default?: 'on' | 'off' }>(row: O): Setting<Value<boolean, O>> {
  const meaning: Record<string, boolean> = {
    on: true,
    true: true,
    yes: true,
    1: true,
    off: false,
    false: false,
    no: false,
    0: false,
  };
  return setting(row, {
    format: '`on` or `off`',
    show: (value) => (value ? 'on' : 'off'),
    parse: (value) => {
      const found = Object.hasOwn(meaning, value.toLowerCase()) ? meaning[value.toLowerCase()] : undefined;
      return found === undefined ? wrong(value, 'Use on or off.') : { value: found };
    },
  });
}

/** Networks, separated by commas or spaces; empty when not set. */
export function cidrs(row: Row): Setting<readonly Network[]> {
  return networks(row, 'networks such as `10.0.0.0/8, fd00::/8`', false);
}

/** Addresses or networks, separated by commas or spaces; empty when not set. */
export function addresses(row: Row): Setting<readonly Network[]> {
  return networks(row, 'addresses or networks such as `10.0.0.7, 172.16.0.0/12`', true);
}

/** An absolute URL with one of `protocols`; the value has no slash at its end. */
export function url<const O extends Row & Default & { protocols: readonly string[]; secret?: boolean }>(
  row: O,
): Setting<Value<string, O>> {
  const format = `URL that begins with ${row.protocols.map((protocol) => `\`${protocol}//\``).join(' or ')}`;
  const cure = `Write a whole ${format}.`.replaceAll('`', '');
  return setting<string, O>(row, {
    format,
    secret: row.secret ?? false,
    parse: (value) => {
      // MongoDB's URLs name several hosts, which no URL parser reads: the first stands for all.
      const parsed = URL.parse(value.replace(/^(\w+(?:\+\w+)?:\/\/[^/?,]+),[^/?]*/, '$1'));
      // `localhost:8080` parses too, as a URL of the scheme `localhost:`.
      if (parsed && parsed.host !== '' && row.protocols.includes(parsed.protocol))
        return { value: value.replace(/\/+$/, '') };
      // What stands before an @ may be a password.
      return row.secret || value.includes('@') ? { problem: 'is not such a URL', cure } : wrong(value, cure);
    },
  });
}

/** Made absolute against the working directory. */
export function path<const O extends Row & Default>(row: O): Setting<Value<string, O>> {
  const parse = (value: string, machine: Machine): Parsed<string> =>
    hasControlCharacter(value)
      ? wrong(value, 'Write a path without control characters.')
      : { value: machine.absolutePath(value) };
  return setting(row, { format: 'path', parse });
}

/** An IANA name; when not set the system's zone, or UTC where that has no such name: in Node, `TZ=''` is Etc/Unknown, GMT-3 an offset, and UTC+3 undefined. */
export function timeZone(row: Row): Setting<string> {
  const cure =
    'Use a name of the IANA time zone database, such as Europe/Berlin, UTC or Etc/GMT-5 (five hours ahead of UTC).';
  return define(
    row,
    {
      format: 'time zone such as `Europe/Berlin`, `UTC`',
      parse: (value) => (isTimeZone(value) ? { value } : wrong(value, cure)),
    },
    {
      shown: "the system's, or UTC where that is no IANA name (`TZ=GMT-3`)",
      value: ({ timeZone = 'UTC' }) => (isTimeZone(timeZone) ? timeZone : 'UTC'),
    },
  );
}

/** A time of day, 24 hours. */
export function timeOfDay<const O extends Row & Default>(row: O): Setting<Value<{ hour: number; minute: number }, O>> {
  return setting(row, {
    format: 'time of day such as `02:00`',
    show: ({ hour, minute }) => `${String(hour).padStart(2, '0')}:${String(minute).padStart(2, '0')}`,
    parse: (value) => {
      const match = /^([01]?\d|2[0-3]):([0-5]\d)$/.exec(value);
      return match
        ? { value: { hour: Number(match[1]), minute: Number(match[2]) } }
        : wrong(value, 'Write it as hh:mm, from 00:00 to 23:59.');
    },
  });
}

/** Lower-cased. Whether anybody reads it is not checked. */
export function email<const O extends Row & Default>(row: O): Setting<Value<string, O>> {
  return setting(row, {
    format: 'e-mail address',
    parse: (value) =>
      isAddress(value) ? { value: value.toLowerCase() } : wrong(value, 'Write an address such as admin@example.org.'),
  });
}

/** Lower-cased addresses, separated by commas or spaces; empty when not set. */
export function emails(row: Row & { max: number }): Setting<readonly string[]> {
  const parse = (value: string): Parsed<readonly string[]> => {
    const found = [...new Set(split(value.toLowerCase(), /[,\s]/))];
    const bad = found.find((one) => !isAddress(one));
    if (bad !== undefined) return wrong(bad, 'Write addresses such as ada@example.org, separated by commas.');
    return found.length > row.max
      ? { problem: `names ${found.length} addresses`, cure: `Name ${row.max} at most.` }
      : { value: found };
  };
  const show = (value: readonly string[]) => value.join(', ');
  const format = `e-mail addresses, at most ${row.max}, separated by commas`;
  return define<readonly string[]>(row, { format, parse, show }, { shown: 'none', value: () => [] });
}

/** Kept as written; never printed. */
export function secret<const O extends Row & { min: number; max: number; cure: string }>(
  row: O,
): Setting<string | undefined> {
  return setting<string, Row>(row, {
    format: `secret of at least ${row.min} characters`,
    secret: true,
    parse: (value) => lengthProblem(value, row) ?? { value },
  });
}

/** Several secrets, separated by commas or line breaks; empty when not set. */
export function secrets(row: Row & { min: number; max: number; cure: string }): Setting<readonly string[]> {
  return define<readonly string[]>(
    row,
    {
      format: `secrets of at least ${row.min} characters, separated by commas or line breaks`,
      secret: true,
      parse: (value) => {
        const each = split(value, /[,\r\n]/);
        return each.map((one) => lengthProblem(one, row)).find((problem) => problem !== undefined) ?? { value: each };
      },
    },
    { shown: 'none', value: () => [] },
  );
}

function networks(row: Row, format: string, bare: boolean): Setting<readonly Network[]> {
  const cure = `Write ${format}, separated by commas.`.replaceAll('`', '');
  const parse = (value: string): Parsed<readonly Network[]> => {
    const found: Network[] = [];
    for (const one of split(value, /[,\s]/)) {
      const network = parseNetwork(one, bare);
      if (!network) return wrong(one, cure);
      found.push(network);
    }
    return { value: found };
  };
  const show = (value: readonly Network[]) => value.map((network) => network.text).join(', ') || 'none';
  return define<readonly Network[]>(row, { format, parse, show }, { shown: 'none', value: () => [] });
}

function bounded(
  row: { env: string; min?: string; max: string },
  name: string,
  cure: string,
  parse: (text: string) => number | undefined,
  show: (value: number) => string,
): Kind<number> {
  const min = parse(row.min ?? '0');
  const max = parse(row.max);
  if (min === undefined || max === undefined || min > max) throw new Error(`The limits of ${row.env} are wrong.`);
  const range = `${row.min ?? '0'} to ${row.max}`;
  return {
    format: `${name}, ${range}`,
    show,
    parse: (value) => {
      const number = parse(value);
      if (number === undefined) return wrong(value, cure);
      return number < min || number > max
        ? { problem: `${quote(value)} is out of range`, cure: `Use ${range}.` }
        : { value: number };
    },
  };
}

function lengthProblem(
  value: string,
  row: { min: number; max: number; cure: string },
): { problem: string; cure: string } | undefined {
  const length = [...value].length;
  if (length < row.min) return { problem: `has ${length} characters, at least ${row.min} are needed`, cure: row.cure };
  return length > row.max
    ? { problem: `has ${length} characters, at most ${row.max} are allowed`, cure: row.cure }
    : undefined;
}

function wrong(value: string, cure: string): { problem: string; cure: string } {
  return { problem: `${quote(value)} is not valid`, cure };
}

function quote(value: string): string {
  return JSON.stringify(value.length > 80 ? `${value.slice(0, 77)}…` : value);
}

function split(value: string, at: RegExp): string[] {
  return value
    .split(at)
    .map((one) => one.trim())
    .filter((one) => one !== '');
}

function hasControlCharacter(value: string): boolean {
  return /[\x00-\x1f\x7f]/.test(value);
}

function isTimeZone(name: string): boolean {
  // JavaScript takes an offset such as +05:30 for a zone, and DuckDB does not.
  if (/^[+-]/.test(name)) return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
