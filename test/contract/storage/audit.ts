import assert from 'node:assert/strict';
import { type AuditEntry, type AuditSeal, sealOf } from '#domain/audit.ts';
import type { Storage } from '#ports/storage.ts';
import { anEntry, t0 } from './documents.ts';
import { keep, noun, plain, type StoreUnderTest, times } from './kit.ts';

const write = (storage: Storage, ...audit: AuditEntry[]) => keep(storage, { change: { op: 'none' }, audit });

/** Seals that continue from `last`. */
function sealed(entries: AuditEntry[], last: AuditSeal | undefined): { id: string; seal: AuditSeal }[] {
  let [seq, previous] = [last?.seq ?? 0, last?.sha256 ?? '0'.repeat(64)];
  return entries.map((entry) => {
    const seal = sealOf(entry, ++seq, previous);
    previous = seal.sha256;
    return { id: entry.id, seal };
  });
}

export function auditRules(under: StoreUnderTest): void {
  noun(under, 'audit', ({ alone }) => {
    alone('entries wait unsealed in the order they were written, and are counted', async (storage) => {
      const entries = [5, 3, 4].map((ms) => anEntry({ at: t0 + ms }));
      for (const entry of entries) await write(storage, entry);
      assert.deepEqual(await storage.audit.unsealed(10), entries.map(plain));
      assert.deepEqual(await storage.audit.unsealed(2), entries.slice(0, 2).map(plain));
      assert.equal(await storage.audit.unsealedCount(), 3);
      assert.equal(await storage.audit.lastSeal(), undefined);
      assert.deepEqual(await storage.audit.sealed(0, 10), []);
    });

    alone('sealed entries have their number and hash, and are walked by number', async (storage) => {
      await write(storage, ...times(5, () => anEntry()));
      const entries = await storage.audit.unsealed(10);
      const first = sealed(entries.slice(0, 2), undefined);
      assert.equal(await storage.audit.seal(first), true);
      assert.deepEqual(await storage.audit.lastSeal(), first[1]!.seal);
      assert.equal(await storage.audit.unsealedCount(), 3);
      const rest = sealed(entries.slice(2), first[1]!.seal);
      assert.equal(await storage.audit.seal(rest), true);
      const expected = [...first, ...rest].map(({ seal }, i) => ({ entry: entries[i]!, seal }));
      assert.deepEqual(await storage.audit.sealed(0, 10), expected);
      assert.deepEqual(await storage.audit.sealed(2, 2), expected.slice(2, 4));
      assert.equal(await storage.audit.unsealedCount(), 0);
    });

    alone('of two sealers at once the second is refused, and writes nothing', async (storage) => {
      await write(storage, ...times(4, () => anEntry()));
      const seen = await storage.audit.unsealed(10);
      const wins = await Promise.all(times(5, () => storage.audit.seal(sealed(seen.slice(0, 3), undefined))));
      assert.equal(wins.filter(Boolean).length, 1);
      const last = (await storage.audit.lastSeal())!;
      assert.equal(last.seq, 3);
      // It saw the entries before the first sealer came, and the head after.
      assert.equal(await storage.audit.seal(sealed(seen, last)), false);
      // A gap, and a step back.
      assert.equal(await storage.audit.seal(sealed(seen.slice(3), { ...last, seq: 4 })), false);
      assert.equal(await storage.audit.seal(sealed(seen.slice(3), undefined)), false);
      // An entry that is not there.
      assert.equal(await storage.audit.seal(sealed([seen[3]!, anEntry()], last)), false);
      assert.equal((await storage.audit.sealed(0, 10)).length, 3);
      assert.equal(await storage.audit.unsealedCount(), 1);
      assert.equal(await storage.audit.seal(sealed(seen.slice(3), last)), true);
      assert.equal((await storage.audit.sealed(0, 10)).length, 4);
    });

    alone('an entry never changes, whoever writes it again', async (storage) => {
      const entry = anEntry();
      await write(storage, entry);
      await write(storage, { ...entry, action: 'form.remove', actor: 'somebody else' });
      assert.deepEqual(await storage.audit.unsealed(10), [plain(entry)]);
      const seals = sealed([plain(entry)], undefined);
      await storage.audit.seal(seals);
      await write(storage, { ...entry, action: 'form.remove' });
      assert.deepEqual(await storage.audit.sealed(0, 10), [{ entry: plain(entry), seal: seals[0]!.seal }]);
      assert.equal(await storage.audit.unsealedCount(), 0);
    });

    alone('lists show the newest first, a page at a time, with the seal, narrowed by action', async (storage) => {
      const entries = times(9, (i) => anEntry({ action: i % 3 ? 'form.publish' : 'user.create', at: t0 + i }));
      for (const entry of entries) await write(storage, entry);
      const seals = sealed((await storage.audit.unsealed(10)).slice(0, 1), undefined);
      await storage.audit.seal(seals);
      const walk = async (action?: string) => {
        const seen: { entry: AuditEntry; seal: AuditSeal | undefined }[] = [];
        let after: string | undefined;
        do {
          const page = await storage.audit.list({ limit: 2, after, action });
          seen.push(...page.items);
          after = page.next;
          await write(storage, anEntry({ action: 'form.publish' }));
        } while (after !== undefined);
        return seen;
      };
      const users = await walk('user.create');
      assert.deepEqual(
        users.map(({ entry }) => entry.at - t0),
        [6, 3, 0],
      );
      assert.deepEqual(users.at(-1)!.seal, seals[0]!.seal);
      assert.equal(users[0]!.seal, undefined);
      const all = (await walk()).map(({ entry }) => entry.id);
      assert.equal(new Set(all).size, all.length);
      assert.deepEqual(all.slice(-9), entries.map(({ id }) => id).toReversed());
      assert.deepEqual(await walk('nothing.done'), []);
    });
  });
}
