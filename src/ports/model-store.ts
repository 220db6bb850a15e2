import type { ModelEntry, ModelPurpose } from '#domain/model.ts';

/** Model store: model files on this machine, each verified by its checksum before it is used, and which of them are in use. */
export type InstalledModel = {
  entry: ModelEntry;
  /** Absolute path of each file of the entry, by its role. */
  files: Record<string, string>;
  bytes: number;
  installedAt: number;
};

export interface ModelStore {
  /**
   * The model in use for a purpose; undefined where there is none. Cheap: asked before every call of a model; a change made by another process is seen within
   * two seconds. Errors: `model-unavailable` when the one in use is not there, or its file is not what it was when installed (size or time changed).
   */
  active(purpose: ModelPurpose): Promise<InstalledModel | undefined>;
  installed(): Promise<InstalledModel[]>;
}
