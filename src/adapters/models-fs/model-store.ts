import { join } from 'node:path';
import { AppError } from '#domain/errors.ts';
import type { ModelPurpose } from '#domain/model.ts';
import { parseSelection, type Selection } from '#domain/models/selection.ts';
import type { Clock } from '#ports/clock.ts';
import type { InstalledModel } from '#ports/model-store.ts';
import { createActive } from './active.ts';
import { readJson } from './files.ts';
import { modelFolders, readRecord } from './record.ts';

export type ModelStoreDeps = {
  /** `<data directory>/models`. Made when the first model is installed. */
  directory: string;
  clock: Clock;
  set: { [P in ModelPurpose]?: string };
};

/**
 * Models as folders under `directory`, `<name>@<version>/`, which appear whole or not at all. `active.json` says which are in use; `.staging` holds what is
 * being fetched, and stays after a crash so that the next try goes on with it.
 */
export function createModelStore(deps: ModelStoreDeps) {
  const { directory: root } = deps;
  const active = createActive({ root, set: deps.set, installed, selection });

  async function installed(): Promise<InstalledModel[]> {
    const found = await Promise.all((await modelFolders(root)).map((id) => readRecord(root, id)));
    return found
      .filter((model) => model !== undefined)
      .map(({ entry, files, bytes, installedAt }) => ({ entry, files, bytes, installedAt }))
      .toSorted((a, b) => a.entry.name.localeCompare(b.entry.name) || b.installedAt - a.installedAt);
  }

  async function selection(): Promise<Selection> {
    const path = join(root, 'active.json');
    const found = await readJson(path).catch((err) => {
      if (err instanceof SyntaxError) return 'no JSON';
      throw err;
    });
    if (found === undefined) return {};
    const parsed = parseSelection(found);
    if (parsed) return parsed;
    throw new AppError('storage-unavailable', {
      detail: `${path} is damaged. Remove it, and choose the models again: formstead models use`,
    });
  }

  return { active: active.ask, forget: active.forget, installed, selection };
}
