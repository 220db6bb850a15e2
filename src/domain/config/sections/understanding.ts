import { bytes, duration, integer, path, text } from '../setting.ts';

export const understanding = {
  model: text({
    env: 'FORMSTEAD_MODEL',
    about:
      'GGUF file or registered model name of the local language model. Unset, the one of `formstead models use`; without either, rules and trained heads do the work.',
  }),
  embeddingModel: text({
    env: 'FORMSTEAD_EMBEDDING_MODEL',
    about: 'Registered model name for embeddings (ONNX). Unset, the one of `formstead models use`.',
  }),
  modelRegistryFile: path({
    env: 'FORMSTEAD_MODEL_REGISTRY',
    about: 'A registry of models (JSON) beside the built-in one; its entries go before those of the same name.',
  }),
  modelMemoryBytes: bytes({
    env: 'FORMSTEAD_MODEL_MEMORY',
    default: '2GB',
    min: '128MB',
    max: '1TB',
    about:
      'Memory of the process that runs the language model. A model that needs more is refused; one that grows beyond is replaced.',
  }),
  embeddingMemoryBytes: bytes({
    env: 'FORMSTEAD_EMBEDDING_MEMORY',
    default: '768MB',
    min: '128MB',
    max: '1TB',
    about: 'Memory of the process that makes embeddings.',
  }),
  modelBudgetMs: duration({
    env: 'FORMSTEAD_MODEL_BUDGET',
    default: '30s',
    min: '1s',
    max: '5m',
    about:
      'Time of the language model for one response, its three parts together. What is not done then is left to what the cheaper tiers said.',
  }),
  modelThreads: integer({
    env: 'FORMSTEAD_MODEL_THREADS',
    default: '0',
    min: 0,
    max: 256,
    about: 'Threads of the language model. 0: measured at its first start on this machine.',
  }),
};
