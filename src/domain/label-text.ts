/** The words of a label's name: `cardArrival`, `card_arrival` and `card-arrival` all give `card arrival`. */
export function labelWords(label: string): string {
  return label
    .replace(/(\p{Ll})(\p{Lu})/gu, '$1 $2')
    .replace(/[_\-./:]+/g, ' ')
    .trim();
}

/**
 * What is known of a label without an example. On the training part of Banking77 its embedding finds the right one of 77 labels for 69.0 % of the texts, that of the
 * name alone for 61.5 %, of the description alone for 68.1 % (bench/understand.ts).
 */
export function labelText({ name, description }: { name: string; description?: string }): string {
  return description ? `${labelWords(name)}: ${description}` : labelWords(name);
}
