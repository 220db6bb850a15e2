import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { checkSettings } from '#domain/config/checks.ts';
import { usableCpus } from '#domain/config/cpu-quota.ts';
import { type Environment, type ReadFile, readSettings, type ValuesOf } from '#domain/config/read.ts';
import { access } from '#domain/config/sections/access.ts';
import { keeping } from '#domain/config/sections/keeping.ts';
import { limits } from '#domain/config/sections/limits.ts';
import { mail } from '#domain/config/sections/mail.ts';
import { serving } from '#domain/config/sections/serving.ts';
import { mostWorkers, stack } from '#domain/config/sections/stack.ts';
import { understanding } from '#domain/config/sections/understanding.ts';
import { working } from '#domain/config/sections/working.ts';
import type * as kind from '#domain/config/setting.ts';

export type { Environment, ReadFile } from '#domain/config/read.ts';
export type { ConfigMistake, Machine } from '#domain/config/setting.ts';

export const sections = [
  { title: 'Serving', settings: serving },
  { title: 'Keeping', settings: keeping },
  { title: 'The stack', settings: stack },
  { title: 'Access', settings: access },
  { title: 'Limits', settings: limits },
  { title: 'Working', settings: working },
  { title: 'Understanding', settings: understanding },
  { title: 'Mail', settings: mail },
] as const;

/** The table: one row for each setting. The reference page is generated from it. */
export const settings = {
  ...serving,
  ...keeping,
  ...stack,
  ...access,
  ...limits,
  ...working,
  ...understanding,
  ...mail,
};

/** Frozen to the bottom. Durations are milliseconds, sizes bytes; the names say so. */
export type Config = ValuesOf<typeof settings> & {
  readonly workers: number;
  /** That this process may use: of the machine or of its container, whichever is less. No setting. */
  readonly cpus: number;
};

export type LoadedConfig =
  | { config: Config; warnings: kind.ConfigMistake[] }
  | { mistakes: kind.ConfigMistake[]; warnings: kind.ConfigMistake[] };

/** The configuration, or everything that is wrong with it at once. Errors: none; an unreadable secret file is a mistake. */
export function loadConfig(
  env: Environment,
  readFile: ReadFile = readTextFile,
  machine: kind.Machine = thisMachine(),
): LoadedConfig {
  const { values: read, failed, mistakes } = readSettings(settings, env, readFile, machine);
  // Its default is the one that depends on another setting.
  const cpus = read.mongodbUrl === undefined ? 1 : Math.min(machine.cpus, mostWorkers);
  const values: Config = { ...read, workers: read.workers ?? cpus, cpus: machine.cpus };
  const together = checkSettings(values, failed);
  const all = [...mistakes, ...together.mistakes];
  return all.length > 0
    ? { mistakes: all, warnings: together.warnings }
    : { config: deepFreeze(values), warnings: together.warnings };
}

/** The only place that looks at the environment of the process. */
export function readEnvironment(): Environment {
  return { ...process.env };
}

/** Every setting with its value as the operator would write it, secrets only as set or unset: for `doctor`. */
export function describeConfig(config: Config): { name: string; value: string }[] {
  return Object.entries<kind.Setting<unknown>>(settings).map(([key, setting]) => {
    const value: unknown = config[key as keyof Config];
    const isSet = Array.isArray(value) ? value.length > 0 : value !== undefined;
    return { name: setting.env, value: !isSet ? 'unset' : setting.secret ? 'set (secret)' : setting.show(value) };
  });
}

function readTextFile(file: string): string {
  return readFileSync(file, 'utf8');
}

function thisMachine(): kind.Machine {
  return {
    cpus: usableCpus(availableParallelism(), readTextFile),
    timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    absolutePath: (relative) => resolve(relative),
  };
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.values(value).forEach(deepFreeze);
    Object.freeze(value);
  }
  return value;
}
