export const checkDraft = (text: string, _spec: object): { text: string } | { refused: string } =>
  text.trim() === '' ? { refused: 'empty' } : { text: text.trim() };
