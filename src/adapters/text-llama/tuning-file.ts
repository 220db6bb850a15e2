import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus } from 'node:os';
import { dirname } from 'node:path';
import type { Tuning } from './protocol.ts';

/** What a measurement holds for. */
export const machineName = (cores: number = availableParallelism()): string =>
  `${cpus()[0]?.model.trim() ?? 'unknown'} x ${cores}`;

/** What was measured, by model and machine: `<sha256 of the model>/<processor> x <cores>`. A file that is lost or spoilt costs a measurement. */
export function createTuningFile(file: string) {
  async function all(): Promise<Record<string, Tuning & { at: string }>> {
    try {
      const content: unknown = JSON.parse(await readFile(file, 'utf8'));
      return typeof content === 'object' && content !== null
        ? (content as Record<string, Tuning & { at: string }>)
        : {};
    } catch {
      return {};
    }
  }

  async function write(content: Record<string, unknown>): Promise<void> {
    await mkdir(dirname(file), { recursive: true });
    const fresh = `${file}.${process.pid}.tmp`;
    await writeFile(fresh, `${JSON.stringify(content, undefined, 2)}\n`);
    await rename(fresh, file);
  }

  return {
    all,
    async find(key: string): Promise<Tuning | undefined> {
      const found = (await all())[key];
      return found && isTuning(found) ? found : undefined;
    },
    /** Of each model that was measured on a machine. */
    async here(machine: string = machineName()): Promise<(Tuning & { sha256: string })[]> {
      return Object.entries(await all()).flatMap(([key, tuning]) => {
        const [sha256 = '', ...rest] = key.split('/');
        return rest.join('/') === machine && isTuning(tuning) ? [{ ...tuning, sha256 }] : [];
      });
    },
    /** Errors: none; the next start measures again where it could not be kept. */
    async keep(key: string, tuning: Tuning, at: string): Promise<void> {
      try {
        await write({ ...(await all()), [key]: { ...rounded(tuning), at } });
      } catch {
        // A full or read-only disk.
      }
    },
    /** What is known of a model on any machine. Errors: those of the disk. */
    async forget(modelSha256: string): Promise<void> {
      const known = Object.entries(await all());
      const rest = known.filter(([key]) => !key.startsWith(`${modelSha256}/`));
      if (rest.length < known.length) await write(Object.fromEntries(rest));
    },
  };
}
export type TuningFile = ReturnType<typeof createTuningFile>;

const counts = ['threads', 'places', 'batchTokens'] as const;
const rates = ['readRate', 'writeRate', 'writeRateTogether'] as const;

function isTuning(found: Tuning): boolean {
  return (
    typeof found === 'object' &&
    found !== null &&
    counts.every((name) => Number.isInteger(found[name]) && found[name] > 0 && found[name] <= 4096) &&
    rates.every((name) => Number.isFinite(found[name]) && found[name] > 0)
  );
}

function rounded(tuning: Tuning): Tuning {
  const rate = Object.fromEntries(rates.map((name) => [name, Math.round(tuning[name] * 10) / 10]));
  return { ...tuning, ...rate };
}
