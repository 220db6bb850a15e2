import type { AuditEntry } from '#domain/audit.ts';
import { AppError } from '#domain/errors.ts';
import type { ModelEntry, ModelPurpose, RegisteredModel } from '#domain/model.ts';
import type { CustomFlags } from '#domain/models/gguf-entry.ts';
import { findModel } from '#domain/models/registry.ts';
import { type Choice, choose, idOf, type Selection, sameModel } from '#domain/models/selection.ts';
import type { Clock } from '#ports/clock.ts';
import type { FetchOptions, InstalledModel, ModelFiles } from '#ports/model-store.ts';
import type { Auditor, Caller } from './audit.ts';

export type ModelDeps = {
  files: ModelFiles;
  registry: readonly RegisteredModel[];
  /** What the settings name for a purpose; it overrules what is chosen here. */
  set: { [P in ModelPurpose]?: string };
  /** Bytes that the process of a purpose may have, and that this machine has. */
  memory: Record<ModelPurpose | 'machine', number>;
  clock: Clock;
  audit: Auditor;
  /** False when the audit log cannot be written just now: a server of the embedded size is running, or there is none yet. */
  keep: (entry: AuditEntry) => Promise<boolean>;
};

/** One line of the list; `model` is an installed one where there is one. */
export type ListedModel = {
  model: RegisteredModel;
  bytes: number;
  installed: boolean;
  /** `use`: chosen by command; `set`: by a setting. */
  active: 'use' | 'set' | undefined;
};

/** `audited`: the audit log has it; the history beside the models always does. `overruled`: by the value of a setting. */
export type Done<T> = T & { audited: boolean };
export type Switched = Done<{ purpose: ModelPurpose; model: ModelEntry; overruled: string | undefined }>;

type Tell = Pick<FetchOptions, 'progress'>['progress'];

const memorySetting = { text: 'FORMSTEAD_MODEL_MEMORY', embedding: 'FORMSTEAD_EMBEDDING_MEMORY' } as const;

/** What the operator does with model files. Installing, choosing and removing leave an entry in the audit log. */
export function createModels(deps: ModelDeps) {
  const { files, registry, set, memory, clock } = deps;

  async function note(caller: Caller, action: string, model: ModelEntry, details: AuditEntry['details']) {
    const entry = deps.audit(caller, action, `model:${idOf(model)}`, details);
    const audited = await deps.keep(entry);
    const { at, actor, subject } = entry;
    await files.note({ at: new Date(at).toISOString(), actor, action, subject, ...details, audited });
    return audited;
  }

  const sumsOf = (model: ModelEntry) => ({
    licence: model.licence,
    sha256: Object.fromEntries(model.files.map(({ role, sha256 }) => [role, sha256])),
  });

  async function installedModel(reference: string): Promise<InstalledModel> {
    const found = (await files.installed()).find(({ entry }) => findModel([entry], reference) !== undefined);
    if (found) return found;
    const known = findModel(registry, reference);
    throw new AppError('not-found', {
      detail: `${reference} is not installed. ${known ? `formstead models pull ${reference}` : 'formstead models list'} ${known ? 'fetches it' : 'shows what is'}.`,
    });
  }

  /** Errors: `value-refused` when it needs more memory than its process may have, or this machine has. */
  function refuseTooLarge({ purpose, requires, ...model }: ModelEntry): void {
    const gb = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`;
    const needs = `${idOf(model)} needs ${gb(requires.memoryBytes)} of memory`;
    const limit = memory[purpose];
    const cures = {
      setting: `${needs}, and ${memorySetting[purpose]} allows ${gb(limit)}. Raise it`,
      machine: `${needs}, and this machine has ${gb(memory.machine)}. Choose a smaller one`,
    };
    const cure =
      requires.memoryBytes > memory.machine ? cures.machine : requires.memoryBytes > limit ? cures.setting : undefined;
    if (cure !== undefined) throw new AppError('value-refused', { detail: `${cure}, or say --force.` });
  }

  async function verified(model: InstalledModel, progress?: Tell): Promise<void> {
    const wrong = await files.verify(model, progress);
    if (wrong.length > 0)
      throw new AppError('value-refused', {
        detail: `${wrong.join(' ')} Install it anew: formstead models pull ${idOf(model.entry)}, or import.`,
      });
  }

  function inUse(selection: Selection, installed: readonly InstalledModel[]) {
    return (entry: ModelEntry): 'use' | 'set' | undefined => {
      const named = set[entry.purpose];
      if (named === undefined) return sameModel(selection[entry.purpose], entry) ? 'use' : undefined;
      const meant = findModel(
        installed.map((one) => one.entry),
        named,
      );
      return sameModel(meant, entry) ? 'set' : undefined;
    };
  }

  return {
    /** Installed ones first, then those of the registries that are not. */
    async list(): Promise<ListedModel[]> {
      const [installed, selection] = await Promise.all([files.installed(), files.selection()]);
      const active = inUse(selection, installed);
      const others = registry.filter((model) => !installed.some(({ entry }) => sameModel(entry, model)));
      const size = (model: RegisteredModel) => model.files.reduce((sum, { bytes }) => sum + bytes, 0);
      return [
        ...installed.map(({ entry, bytes }) => ({ model: entry, bytes, installed: true, active: active(entry) })),
        ...others.map((model) => ({ model, bytes: size(model), installed: false, active: undefined })),
      ];
    },

    /** `sha256`: of a model whose registry does not know it. Errors: `not-found` for a model of no registry, and those of the port. */
    async pull(caller: Caller, reference: string, options: FetchOptions & { sha256?: string | undefined }) {
      const known = findModel(registry, reference);
      if (!known)
        throw new AppError('not-found', {
          detail: `No registry knows ${reference}. formstead models list shows what there is; a file of your own is for formstead models import.`,
        });
      const { model, installed } = await files.pull(withChecksum(known, options.sha256), options);
      const audited = installed || (await note(caller, 'model.install', model.entry, sumsOf(model.entry)));
      return { model, installed, audited };
    },

    async importFiles(
      caller: Caller,
      paths: readonly string[],
      flags: CustomFlags,
      options: FetchOptions,
    ): Promise<Done<{ model: InstalledModel }>> {
      const model = await files.importFiles(paths, registry, flags, options);
      return { model, audited: await note(caller, 'model.install', model.entry, sumsOf(model.entry)) };
    },

    /** All that are installed, or one; what is wrong with each. */
    async verify(reference: string | undefined, progress?: Tell): Promise<{ model: ModelEntry; wrong: string[] }[]> {
      const models = reference === undefined ? await files.installed() : [await installedModel(reference)];
      const verdicts: { model: ModelEntry; wrong: string[] }[] = [];
      for (const model of models) verdicts.push({ model: model.entry, wrong: await files.verify(model, progress) });
      return verdicts;
    },

    async use(caller: Caller, reference: string, options: { force?: boolean; progress?: Tell }): Promise<Switched> {
      const model = await installedModel(reference);
      const { entry } = model;
      if (!options.force) refuseTooLarge(entry);
      await verified(model, options.progress);
      await files.select((before) => choose(before, entry.purpose, entry, clock.now()));
      const audited = await note(caller, 'model.use', entry, { purpose: entry.purpose });
      return { purpose: entry.purpose, model: entry, overruled: set[entry.purpose], audited };
    },

    /** Back to the model before, and by a second time forward again. Errors: `conflict` when there is none, `not-found` when it is removed. */
    async rollback(caller: Caller, purpose: ModelPurpose, progress?: Tell): Promise<Switched> {
      const previousOf = (choice: Choice | undefined) => {
        if (choice?.previous) return choice.previous;
        throw new AppError('conflict', { detail: `No other model for ${purpose} was in use before.` });
      };
      const previous = previousOf((await files.selection())[purpose]);
      const model = await installedModel(idOf(previous));
      await verified(model, progress);
      await files.select((before) => {
        if (sameModel(previousOf(before[purpose]), previous)) return choose(before, purpose, previous, clock.now());
        throw new AppError('conflict', {
          detail: 'Another command has just chosen a model. Look at formstead models list.',
        });
      });
      const audited = await note(caller, 'model.rollback', model.entry, { purpose });
      return { purpose, model: model.entry, overruled: set[purpose], audited };
    },

    /** Errors: `conflict` for a model in use. */
    async remove(caller: Caller, reference: string): Promise<Done<{ model: ModelEntry }>> {
      const { entry } = await installedModel(reference);
      const active = inUse(await files.selection(), await files.installed())(entry);
      if (active !== undefined)
        throw new AppError('conflict', {
          detail: `${idOf(entry)} is in use${active === 'set' ? ' by a setting' : ''}. Use another model first.`,
        });
      await files.remove(entry);
      return { model: entry, audited: await note(caller, 'model.remove', entry, undefined) };
    },
  };
}
export type Models = ReturnType<typeof createModels>;

/** Errors: `value-refused` when the checksum cannot be that of one file, or contradicts the registry. */
function withChecksum(model: RegisteredModel, sha256: string | undefined): RegisteredModel {
  if (sha256 === undefined) return model;
  const given = sha256.toLowerCase();
  const open = model.files.filter((file) => file.sha256 === undefined);
  const [file] = open.length > 0 ? open : model.files;
  const problem = !/^[0-9a-f]{64}$/.test(given)
    ? 'A sha256 has 64 hexadecimal digits.'
    : open.length > 1 || model.files.length > 1
      ? `${idOf(model)} has several files; write their checksums into the file of FORMSTEAD_MODEL_REGISTRY.`
      : file?.sha256 !== undefined && file.sha256 !== given
        ? `The registry has another checksum of ${file.name}: ${file.sha256}.`
        : undefined;
  if (problem !== undefined) throw new AppError('value-refused', { detail: problem });
  return { ...model, files: model.files.map((one) => (one === file ? { ...one, sha256: given } : one)) };
}
