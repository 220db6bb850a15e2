import type { ChatTemplate, ModelEntry } from '#domain/model.ts';

/** What the head of a GGUF file says, as far as it says it. */
export type GgufHead = {
  name?: string;
  architecture?: string;
  licence?: string;
  contextTokens?: number;
  chatTemplate?: string;
  parameters: number;
};

/** By what each template alone contains. `mistral` is last: its marks are found in templates that keep older forms beside their own. */
const marks: readonly [ChatTemplate, string][] = [
  ['chatml', '<|im_start|>'],
  ['llama3', '<|start_header_id|>'],
  ['gemma', '<start_of_turn>'],
  ['mistral', '[INST]'],
];

export function guessTemplate(chatTemplate: string | undefined): ChatTemplate {
  return marks.find(([, mark]) => chatTemplate?.includes(mark))?.[0] ?? 'plain';
}

/** A name of a model out of that of a file: `My Model Q4_K_M.gguf` is `my-model-q4-k-m`. */
export function modelNameOf(fileName: string): string {
  const plain = fileName
    .replace(/\.gguf$/i, '')
    .toLowerCase()
    .replaceAll(/[^a-z0-9.]+/g, '-')
    .replaceAll(/^[^a-z0-9]+|[^a-z0-9]+$/g, '');
  return plain.slice(0, 64) || 'model';
}

export type CustomFlags = {
  name?: string;
  version?: string;
  template?: ChatTemplate;
  contextTokens?: number;
  licence?: string;
};

/** Where a head says nothing of the context: what every model of the last years has. */
const smallestContext = 2048;

/**
 * An entry for a GGUF file that no registry knows. What it needs is an estimate: the file, three tenths of it and 400 MB for a context and the program;
 * cores by the speeds in docs/guides/models.md.
 */
export function customEntry(
  file: { name: string; bytes: number; sha256: string },
  head: GgufHead,
  flags: CustomFlags = {},
): ModelEntry {
  const billions = Number((head.parameters / 1e9).toPrecision(3));
  return {
    name: flags.name ?? modelNameOf(file.name),
    version: flags.version ?? file.sha256.slice(0, 8),
    purpose: 'text',
    licence: flags.licence ?? head.licence ?? 'unknown',
    about: `${head.name ?? file.name}${head.architecture === undefined ? '' : ` (${head.architecture})`}, not of a registry`,
    parameters: billions,
    files: [{ role: 'model', ...file, source: { kind: 'file' } }],
    template: flags.template ?? guessTemplate(head.chatTemplate),
    contextTokens: flags.contextTokens ?? head.contextTokens ?? smallestContext,
    requires: {
      memoryBytes: Math.ceil(file.bytes * 1.3 + 400e6),
      cores: billions < 0.6 ? 1 : billions < 2 ? 4 : 8,
    },
  };
}
