/** A prompt in its three parts; see ports/text-model.ts, whose `Prompt` this is. */
export type PromptText = { instructions: string; data: string; lead?: string };
