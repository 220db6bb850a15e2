export const prepareText = (text: string): { text: string } => ({ text: text.slice(0, 4000) });
