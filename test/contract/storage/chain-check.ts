import assert from 'node:assert/strict';
import { genesis, nextReceipt, payloadSha256 } from '#domain/receipt.ts';
import { receiptPayload } from '#domain/response.ts';
import type { Link, Storage } from '#ports/storage.ts';

/** Every link in the order of writing, each checked against its response and the link before it. */
export async function checkedLinks(storage: Storage): Promise<Link[]> {
  const chains = new Map((await storage.receipts.chains()).map((chain) => [chain.id, chain]));
  const heads = new Map<string, { chain: string; seq: number; sha256: string }>();
  const all: Link[] = [];
  let after = 0;
  for (;;) {
    const links = await storage.receipts.links(after, 97);
    for (const link of links) {
      const { receipt, response, position } = link;
      assert.ok(position > after, 'positions grow');
      after = position;
      const chain = chains.get(receipt.chain);
      assert.ok(chain, `chain ${receipt.chain} is recorded`);
      const first = { chain: chain.id, seq: 0, sha256: chain.previous?.sha256 ?? genesis };
      const head = heads.get(chain.id) ?? first;
      const payload = payloadSha256(response.salt, receiptPayload(response));
      assert.deepEqual(receipt, nextReceipt(head, response.id, payload));
      assert.deepEqual(response.receipt, receipt);
      heads.set(chain.id, { chain: chain.id, seq: receipt.seq, sha256: receipt.sha256 });
    }
    all.push(...links);
    if (links.length === 0) break;
  }
  for (const chain of chains.values()) {
    if (!chain.previous) continue;
    assert.deepEqual(
      all.find(({ receipt }) => receipt.sha256 === chain.previous!.sha256)?.receipt.chain,
      chain.previous.chain,
      'a chain names a link that is there',
    );
  }
  return all;
}
