import { type MeasuredModel, measuredModels } from '#compose/model-tuning.ts';
import { lookAtModels } from '#compose.ts';
import type { Config } from '#config.ts';
import type { InstalledModel } from '#ports/model-store.ts';
import type { Finding } from './finding.ts';
import { machineMemory } from './machine-memory.ts';

const memorySettings = { text: 'FORMSTEAD_MODEL_MEMORY', embedding: 'FORMSTEAD_EMBEDDING_MEMORY' } as const;
const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`;
const titles = { text: 'language model', embedding: 'embedding model' } as const;

/**
 * Which models are in use, whether they are there, as they were installed, and fit into memory, and how the language model was measured to run on this machine.
 * None is started. Without any everything works by rules and heads.
 */
export async function modelFindings(config: Config): Promise<Finding[]> {
  const allowed = { text: config.modelMemoryBytes, embedding: config.embeddingMemoryBytes };
  const found = await lookAtModels(config);
  const measured = await measuredModels(config);
  const machine = machineMemory();
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
    const runs = purpose === 'text' ? `, ${howItRuns(config, measured, model)}` : '';
    const what = `${title}: ${name}@${version}, ${Math.round(model.bytes / 1e6)} MB${runs}`;
    if (requires.memoryBytes > Math.min(allowed[purpose], machine)) {
      const wants = `wants ${gigabytes(requires.memoryBytes)} of memory, more than it may have`;
      return { level: 'warning', what: `${what}: ${wants}`, cure: 'Use a smaller one: formstead models list.' };
    }
    if (allowed[purpose] <= machine) return { level: 'ok', what };
    // It is ended at what it is allowed; by the kernel, at what there is, and not it alone.
    return {
      level: 'warning',
      what: `${what}: ${memorySettings[purpose]} allows it ${gigabytes(allowed[purpose])} of memory, and here are ${gigabytes(machine)}`,
      cure: 'Lower the setting, or give the machine or container more.',
    };
  });
}

function howItRuns({ modelThreads }: Config, measured: MeasuredModel[], { entry }: InstalledModel): string {
  if (modelThreads > 0) return `${modelThreads} threads at most, by FORMSTEAD_MODEL_THREADS`;
  const sha256 = entry.files.find(({ role }) => role === 'model')?.sha256;
  const own = measured.find((one) => one.sha256 === sha256);
  if (!own) return 'its first start here will measure how it runs best';
  const together = own.places > 1 ? `, ${Math.round(own.writeRateTogether)} by ${own.places} side by side` : '';
  const rates = `reads ${Math.round(own.readRate)} tokens a second, writes ${Math.round(own.writeRate)}${together}`;
  return `${own.threads} ${own.threads === 1 ? 'thread' : 'threads'}, ${rates} (measured on this machine)`;
}
