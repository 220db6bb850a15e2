import { join } from 'node:path';
import type { Config } from '#config.ts';

/** How a model was measured to run on this machine. Rates are tokens a second: read, written by one answer, written by all places together. */
export type MeasuredModel = {
  sha256: string;
  threads: number;
  places: number;
  readRate: number;
  writeRate: number;
  writeRateTogether: number;
};

/** Beside the models, not among them: in a container those may only be read. */
export const tuningFile = (config: Pick<Config, 'dataDir'>): string => join(config.dataDir, 'model-tuning.json');

/** Every language model that was measured on this machine. Reads a file of the data directory; none, or a spoilt one, is an empty list. */
export async function measuredModels(config: Pick<Config, 'dataDir' | 'cpus'>): Promise<MeasuredModel[]> {
  const { createTuningFile, machineName } = await import('#adapters/text-llama/tuning-file.ts');
  return createTuningFile(tuningFile(config)).here(machineName(config.cpus));
}
