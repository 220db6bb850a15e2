import { type Config, type ConfigMistake, loadConfig, readEnvironment } from '#config.ts';

/** Exit code of a program whose configuration is wrong (EX_CONFIG of sysexits.h). */
export const configExit = 78;

export type LoadedSettings = { config: Config; warnings: ConfigMistake[] };

/** The configuration, or every mistake in it on standard error and the end of the process. */
export function configOrExit(overrides: Record<string, string> = {}): LoadedSettings {
  const loaded = loadConfig({ ...readEnvironment(), ...overrides });
  if ('config' in loaded) return loaded;
  console.error(
    `The configuration has ${loaded.mistakes.length === 1 ? 'a mistake' : `${loaded.mistakes.length} mistakes`}:\n`,
  );
  for (const { name, problem, cure } of loaded.mistakes) console.error(`  ${name}: ${problem}\n    ${cure}\n`);
  console.error('Every setting is explained in docs/reference/configuration.md.');
  process.exit(configExit);
}
