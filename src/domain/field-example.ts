/** A text whose fields somebody has marked; a field that is not named is not in the text. Offsets are UTF-16 code units into `text`. */
export type FieldExample = { text: string; fields: { name: string; start: number; end: number }[] };
