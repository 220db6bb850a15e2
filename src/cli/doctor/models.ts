import { lookAtModels } from '#compose.ts';
import type { Config } from '#config.ts';
import type { Finding } from './finding.ts';
import { machineMemory } from './machine-memory.ts';

const titles = { text: 'language model', embedding: 'embedding model' } as const;

/** Which models are in use, and whether they are there, as they were installed, and fit into memory. Without any everything works by rules and heads. */
export async function modelFindings(config: Config): Promise<Finding[]> {
  const allowed = { text: config.modelMemoryBytes, embedding: config.embeddingMemoryBytes };
  const found = await lookAtModels(config);
  return found.map(({ purpose, model, fault }) => {
    const title = titles[purpose];
    if (fault !== undefined)
      return {
        level: 'warning',
        what: `${title}: ${fault}`,
        cure: 'Until it is mended the rules and trained heads do the work; docs/guides/models.md says how.',
      };
    if (model === undefined) return { level: 'ok', what: `${title}: none in use` };
    const { name, version, requires } = model.entry;
    const what = `${title}: ${name}@${version}, ${Math.round(model.bytes / 1e6)} MB`;
    if (requires.memoryBytes <= Math.min(allowed[purpose], machineMemory())) return { level: 'ok', what };
    const wants = `wants ${(requires.memoryBytes / 1e9).toFixed(1)} GB of memory, more than it may have`;
    return { level: 'warning', what: `${what}: ${wants}`, cure: 'Use a smaller one: formstead models list.' };
  });
}
