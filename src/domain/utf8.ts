/** The most bytes that a text may take in UTF-8, without encoding it: three for each of its UTF-16 units. */
export const mostBytes = (text: string): number => 3 * text.length;
