import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

/* The two small models, for tests of what only real ones show. `FORMSTEAD_TEST_MODELS` names a data directory into which they were pulled. */

export const languageModel = 'smollm2-135m-q4@1';
export const embeddingModel = 'minilm-l6-int8@1';

/**
 * The folder of the real models; undefined where there is none, and then the test is skipped with the reason, under REQUIRE_SERVICES=1 too: fetching them takes
 * a network, which a machine that runs the tests need not have.
 */
export function realModels(t: TestContext): string | undefined {
  const folder = process.env.FORMSTEAD_TEST_MODELS;
  const lack = [languageModel, embeddingModel].find(
    (id) => folder === undefined || !existsSync(join(folder, 'models', id)),
  );
  if (lack === undefined) return folder;
  const where = folder === undefined ? 'FORMSTEAD_TEST_MODELS is not set' : `${lack} is not in ${folder}`;
  t.skip(`${where} (.ci/run pulls the small models)`);
  return undefined;
}

/** Copies them into a data directory, as installed. By cp: Node rounds the times of a copy, and a file of another time is unknown to the store. */
export function installInto(dir: string, folder: string, ids = [languageModel, embeddingModel]): void {
  mkdirSync(join(dir, 'models'), { recursive: true });
  execFileSync('cp', ['-a', ...ids.map((id) => join(folder, 'models', id)), join(dir, 'models')]);
}
