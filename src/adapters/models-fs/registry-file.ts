import { readFile } from 'node:fs/promises';
import { AppError } from '#domain/errors.ts';
import type { RegisteredModel } from '#domain/model.ts';
import { parseRegistry } from '#domain/models/registry.ts';

/** The operator's own registry. Errors: `value-refused` when it cannot be read or has mistakes; all of them are told, each with its place. */
export async function readRegistryFile(path: string): Promise<RegisteredModel[]> {
  const text = await readFile(path, 'utf8').catch((err: NodeJS.ErrnoException) => {
    throw refused(`${path}, which FORMSTEAD_MODEL_REGISTRY names, cannot be read (${err.code}).`, err);
  });
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (err) {
    throw refused(`${path} is not valid JSON: ${(err as Error).message}`, err);
  }
  const parsed = parseRegistry(json);
  if ('models' in parsed) return parsed.models;
  throw new AppError('value-refused', { detail: `${path} is not a registry of models:`, issues: parsed.issues });
}

const refused = (detail: string, cause: unknown) => new AppError('value-refused', { detail, cause });
