/**
 * Why a model gave no answer:
 * `model-unavailable` none is set, or its process cannot be started, died or hangs; `model-busy` as many calls wait as may, or no place was free in time; `model-too-slow` the time was spent;
 * `prompt-too-long` the text does not fit into the model's context.
 */
export type ModelFault = 'model-unavailable' | 'model-busy' | 'model-too-slow' | 'prompt-too-long';

export class ModelError extends Error {
  readonly fault: ModelFault;
  constructor(fault: ModelFault, message: string = fault, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ModelError';
    this.fault = fault;
  }
}
