import { existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { openModels } from '#compose.ts';
import { readEnvironment } from '#config.ts';
import { AppError } from '#domain/errors.ts';
import type { ModelEntry } from '#domain/model.ts';
import { idOf } from '#domain/models/selection.ts';
import { machineMemory } from '../doctor/machine-memory.ts';
import { progressBar } from '../progress.ts';
import { configOrExit } from '../settings.ts';

/** What the demo's server is started with to use its models. */
export type DemoModels = { directory: string; env: Record<string, string>; line: string };

export const defaultModel = 'smollm2-135m-q4';
const embeddingModel = 'minilm-l6-int8';

/** Where models stay between two demos; `.ci/run` keeps those of its tests there too. */
export function defaultModelsDir(): string {
  return join(readEnvironment().XDG_CACHE_HOME || join(homedir(), '.cache'), 'formstead-models');
}

/** How the operator wants models to be reached goes through to the demo's server; what an installation is set to does not. */
const passedOn = ['FORMSTEAD_MODEL_REGISTRY', 'FORMSTEAD_MODEL_MEMORY', 'FORMSTEAD_MODEL_THREADS'];

const operator = { actor: { kind: 'operator', id: 'command-line' } } as const;

/**
 * The models of the demo, pulled into `directory` where they are not there yet. With a GGUF file of one's own the embedding model is done without where it
 * cannot be fetched. Errors: `value-refused` with what to do instead when the language model is not to be had.
 */
export async function readyModels(model: string, directory: string): Promise<DemoModels> {
  const own = /[/\\]|\.gguf$/i.test(model);
  if (own && !existsSync(model)) throw new AppError('value-refused', { detail: `There is no file ${model}.` });
  const embedding = await pulled(embeddingModel, directory).catch((err: AppError) => {
    if (!own) throw err;
    console.log(`Without an embedding model: ${err.detail}`);
    return undefined;
  });
  const text = own ? resolve(model) : idOf(await pulled(model, directory, 'text'));
  const env = Object.fromEntries(
    Object.entries(readEnvironment()).filter((one): one is [string, string] => passedOn.includes(one[0])),
  );
  return {
    directory,
    env: {
      ...env,
      FORMSTEAD_MODEL: text,
      ...(embedding && { FORMSTEAD_EMBEDDING_MODEL: idOf(embedding) }),
    },
    line: `${text}, ${embedding ? idOf(embedding) : 'no embeddings'}; kept in ${directory}`,
  };
}

/** The data directory of the demo gets the models of the cache, and leaves them there when it is thrown away. */
export function linkModels(dataDir: string, { directory }: DemoModels): void {
  const models = join(directory, 'models');
  mkdirSync(models, { recursive: true, mode: 0o700 });
  symlinkSync(models, join(dataDir, 'models'));
}

async function pulled(name: string, directory: string, purpose: ModelEntry['purpose'] = 'embedding') {
  // An installation that the settings may name is not the demo's: its audit log stays as it is.
  const { config } = configOrExit({ FORMSTEAD_DATA_DIR: directory, MONGODB_URL: '', REDIS_URL: '' });
  const models = await openModels(config, { machineMemoryBytes: machineMemory(), environment: readEnvironment() });
  const bar = progressBar(`MB of ${name}`);
  try {
    const { model } = await models.pull(operator, name, {
      progress(done, total) {
        bar.total(Math.ceil(total / 1e6));
        bar.update(Math.floor(done / 1e6));
      },
    });
    if (model.entry.purpose !== purpose)
      throw new AppError('value-refused', { detail: `${idOf(model.entry)} is no language model.` });
    return model.entry;
  } catch (err) {
    if (!(err instanceof AppError) || err.code === 'value-refused' || err.code === 'not-found') throw err;
    throw new AppError('value-refused', {
      detail: `${name} cannot be fetched: ${err.detail} Without a network, bring its files from a machine that has them and import them (docs/guides/models.md): FORMSTEAD_DATA_DIR=${directory} formstead models import <file…>; or run the demo with a file of your own: --model <file.gguf>.`,
    });
  } finally {
    bar.stop();
  }
}
