import type { ChatTemplate } from '#domain/model.ts';
import type { Prompt } from '#ports/text-model.ts';

/** A piece of a prompt. Only in `control` pieces are the control tokens of the model read as such; a stranger's text is never one. */
export type Piece = { text: string; control: boolean };

const control = (text: string): Piece => ({ text, control: true });
const plain = (text: string): Piece => ({ text, control: false });

/** The prompt as the model was trained to read it. What calls of one kind share comes first, so that it is read once. */
export function renderChat(template: ChatTemplate, { instructions, data, lead = '' }: Prompt): Piece[] {
  const pieces = frames[template];
  return [
    control(pieces.before),
    plain(instructions),
    control(pieces.between),
    plain(data),
    control(pieces.after),
    plain(lead),
  ].filter(({ text }) => text !== '');
}

type Frame = { before: string; between: string; after: string };

/** From the models' own documentation; mistral and gemma know no system turn. */
const frames: Record<ChatTemplate, Frame> = {
  chatml: {
    before: '<|im_start|>system\n',
    between: '<|im_end|>\n<|im_start|>user\n',
    after: '<|im_end|>\n<|im_start|>assistant\n',
  },
  llama3: {
    before: '<|start_header_id|>system<|end_header_id|>\n\n',
    between: '<|eot_id|><|start_header_id|>user<|end_header_id|>\n\n',
    after: '<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n',
  },
  mistral: { before: '[INST] ', between: '\n\n', after: ' [/INST]' },
  gemma: { before: '<start_of_turn>user\n', between: '\n\n', after: '<end_of_turn>\n<start_of_turn>model\n' },
  plain: { before: '', between: '\n\n', after: '\n\n' },
};
