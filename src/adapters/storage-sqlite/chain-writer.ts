import { randomUUID } from 'node:crypto';
import { type ChainHead, genesis, nextReceipt, type Receipt } from '#domain/receipt.ts';
import type { Statements } from './connection.ts';

/**
 * Gives out the links of this process's receipt chain, in the order in which responses are written. The head only moves for good once the
 * transaction has committed; a batch that failed ends its chain, and the next response starts one that names the newest link there is.
 */
export function createChainWriter(sql: Statements) {
  let head: ChainHead | undefined;
  /** Head as it will be if the running transaction commits. */
  let draft: ChainHead | undefined;

  function start(at: number): ChainHead {
    const last = sql.get('SELECT chain, seq, sha256 FROM responses ORDER BY n DESC LIMIT 1');
    const id = `chn_${randomUUID()}`;
    sql.run(
      'INSERT INTO chains (id, started_at, previous) VALUES (?, ?, ?)',
      id,
      at,
      last ? JSON.stringify(last) : null,
    );
    return { chain: id, seq: 0, sha256: (last?.sha256 as string | undefined) ?? genesis };
  }

  return {
    next(responseId: string, payloadSha256: string, at: number): Receipt {
      draft ??= head ?? start(at);
      return nextReceipt(draft, responseId, payloadSha256);
    },
    advance(receipt: Receipt): void {
      draft = { chain: receipt.chain, seq: receipt.seq, sha256: receipt.sha256 };
    },
    committed(): void {
      head = draft ?? head;
      draft = undefined;
    },
    failed(): void {
      head = undefined;
      draft = undefined;
    },
    head: () => head,
  };
}
export type ChainWriter = ReturnType<typeof createChainWriter>;
