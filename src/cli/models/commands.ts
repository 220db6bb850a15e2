import type { ListedModel, Models, Switched } from '#app/models.ts';
import { openModels } from '#compose.ts';
import { readEnvironment } from '#config.ts';
import { AppError } from '#domain/errors.ts';
import type { ChatTemplate, ModelPurpose } from '#domain/model.ts';
import { chatTemplates } from '#domain/models/registry.ts';
import { idOf } from '#domain/models/selection.ts';
import { machineMemory } from '../doctor/machine-memory.ts';
import { progressBar } from '../progress.ts';
import { configOrExit } from '../settings.ts';
import { onStopSignal } from '../stop-signals.ts';
import { tableText } from '../table.ts';

const operator = { actor: { kind: 'operator', id: 'command-line' } } as const;
const mega = 1e6;

export type PullOptions = { index?: string; sha256?: string };
export type ImportOptions = {
  name?: string;
  template?: string;
  context?: string;
  licence?: string;
};

export async function listModels(): Promise<void> {
  const { models } = await opened();
  console.log(listed(await models.list()));
}

export async function pullModel(reference: string, { index, sha256 }: PullOptions): Promise<void> {
  await shown(async (progress) => {
    const { models } = await opened(index);
    const { model, installed, audited } = await models.pull(operator, reference, { sha256, progress, ...stoppable() });
    const id = idOf(model.entry);
    return installed ? [`${id} is installed already.`] : [...installation(id, model.entry.licence), ...unless(audited)];
  });
}

export async function importModel(paths: string[], options: ImportOptions): Promise<void> {
  const [name, version] = options.name?.split('@') ?? [];
  const flags = {
    name,
    version,
    licence: options.licence,
    template: templateOf(options.template),
    contextTokens: tokensOf(options.context),
  };
  await shown(async (progress) => {
    const { models } = await opened();
    const { model, audited } = await models.importFiles(operator, paths, flags, { progress, ...stoppable() });
    const { entry } = model;
    const how =
      entry.purpose === 'text' ? [`Template ${entry.template}, ${entry.contextTokens} tokens of context.`] : [];
    return [...installation(idOf(entry), entry.licence), ...how, ...unless(audited)];
  });
}

export async function verifyModels(reference: string | undefined): Promise<void> {
  await shown(async (progress) => {
    const { models } = await opened();
    const verdicts = await models.verify(reference, progress);
    if (verdicts.some(({ wrong }) => wrong.length > 0)) process.exitCode = 1;
    if (verdicts.length === 0) return ['No model is installed.'];
    return verdicts.map(({ model, wrong }) => `${idOf(model)}: ${wrong.length === 0 ? 'whole' : wrong.join(' ')}`);
  });
}

export async function useModel(reference: string, { force = false }: { force?: boolean }): Promise<void> {
  await shown(async (progress) => {
    const { models } = await opened();
    return switched(await models.use(operator, reference, { force, progress }));
  });
}

export async function rollBackModel(purpose: string): Promise<void> {
  const wanted = purposeOf(purpose);
  await shown(async (progress) => {
    const { models } = await opened();
    return switched(await models.rollback(operator, wanted, progress));
  });
}

export async function removeModel(reference: string): Promise<void> {
  const { models } = await opened();
  const { model, audited } = await models.remove(operator, reference);
  console.log([`${idOf(model)} is removed.`, ...unless(audited)].join('\n'));
}

async function opened(index?: string): Promise<{ models: Models }> {
  const { config } = configOrExit();
  const machineMemoryBytes = machineMemory();
  return { models: await openModels(config, { machineMemoryBytes, environment: readEnvironment(), index }) };
}

type Progress = (done: number, total: number) => void;

/** Does work under a bar, and prints the lines it ends with. */
async function shown(work: (progress: Progress) => Promise<string[]>): Promise<void> {
  const bar = progressBar('MB');
  try {
    const lines = await work((done, total) => {
      bar.total(Math.ceil(total / mega));
      bar.update(Math.floor(done / mega));
    });
    bar.stop();
    console.log(lines.join('\n'));
  } finally {
    bar.stop();
  }
}

/** For what may take hours: a signal stops it in order, a second one at once. */
function stoppable(): { signal: AbortSignal; waiting: () => void } {
  const stop = new AbortController();
  onStopSignal(() => stop.abort());
  return {
    signal: stop.signal,
    waiting: () => console.error('Another command is at work on this model; waiting for it to end.'),
  };
}

function listed(models: ListedModel[]): string {
  const head = ['model', 'for', 'state', 'MB', 'needs MB', 'cores', 'licence', ''];
  const rows = models.map(({ model, bytes, installed, active }) => [
    idOf(model),
    model.purpose,
    active === 'use' ? 'in use' : active === 'set' ? 'in use (set)' : installed ? 'installed' : '-',
    String(Math.ceil(bytes / mega)),
    String(Math.ceil(model.requires.memoryBytes / mega)),
    String(model.requires.cores),
    model.licence,
    model.about,
  ]);
  return tableText([head, ...rows], [3, 4, 5]);
}

const installation = (id: string, licence: string): string[] => [
  `${id} is installed (licence: ${licence}). To use it: formstead models use ${id}`,
];

const unless = (audited: boolean): string[] =>
  audited ? [] : ['The audit log cannot be written just now; models/history.jsonl has who did this.'];

const setting = { text: 'FORMSTEAD_MODEL', embedding: 'FORMSTEAD_EMBEDDING_MODEL' } as const;

function switched({ purpose, model, overruled, audited }: Switched): string[] {
  const what = `${idOf(model)} is the model for ${purpose}.`;
  const how =
    overruled === undefined
      ? 'A running server takes it within two seconds.'
      : `But ${setting[purpose]} names ${overruled}, and that goes before it.`;
  return [`${what} ${how}`, ...unless(audited)];
}

function purposeOf(text: string): ModelPurpose {
  if (text === 'text' || text === 'embedding') return text;
  throw new AppError('value-refused', { detail: `There is no purpose ${text}; there are text and embedding.` });
}

function templateOf(text: string | undefined): ChatTemplate | undefined {
  const found = chatTemplates.find((one) => one === text);
  if (text === undefined || found !== undefined) return found;
  throw new AppError('value-refused', {
    detail: `There is no template ${text}; there are ${chatTemplates.join(', ')}.`,
  });
}

function tokensOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const tokens = Number(text);
  if (Number.isInteger(tokens) && tokens >= 128 && tokens <= 10_000_000) return tokens;
  throw new AppError('value-refused', { detail: '--context must be a whole number from 128 to 10000000.' });
}
