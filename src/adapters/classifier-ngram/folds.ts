import { seededRandom, shuffle } from './random.ts';

/**
 * Which fold each row is held out in (0 … folds - 1), spread evenly over every class; -1 for the only row of a class, which is never held out.
 * `limit` is the number of classes.
 */
export function stratifiedFolds(classes: Int32Array, limit: number, folds: number, seed: number): Int32Array {
  const random = seededRandom(seed);
  const byClass: number[][] = Array.from({ length: limit }, () => []);
  for (let row = 0; row < classes.length; row++) byClass[classes[row]!]!.push(row);
  const fold = new Int32Array(classes.length).fill(-1);
  let next = 0;
  for (const rows of byClass) {
    if (rows.length < 2) continue;
    for (const row of shuffle(rows, random)) fold[row] = next++ % folds;
  }
  return fold;
}
