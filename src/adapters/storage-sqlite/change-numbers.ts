import type { Statements } from './connection.ts';

/** Gives out the numbers of the change feed. They only count once the transaction has committed: those of a batch that failed are given again. */
export function createChangeNumbers(sql: Statements) {
  let newest = Number(sql.get('SELECT newest FROM feed')!.newest);
  /** As it will be if the running transaction commits. */
  let draft = newest;

  return {
    next: (): number => draft + 1,
    /** The change with the next number was written. */
    advance(): void {
      draft += 1;
    },
    /** To be called before the transaction commits. */
    keep(): void {
      if (draft > newest) sql.run('UPDATE feed SET newest = ?', draft);
    },
    committed(): void {
      newest = draft;
    },
    failed(): void {
      draft = newest;
    },
    newest: () => newest,
  };
}
export type ChangeNumbers = ReturnType<typeof createChangeNumbers>;
