const everyMs = 5000;
/** 15 s: far longer than a worker needs to find Redis again, shorter than anybody would wait. */
const silentChecks = 3;

/**
 * Workers of BullMQ have stopped for ever after an outage of Redis before (taskforcesh/bullmq#4585, #4479). This one does not trust that the last such
 * fault is mended: when at three looks in a row there was something to fetch and nothing was fetched, `renew` is called. Looks are counted and not
 * seconds, so a process that was suspended is not taken for one that is stuck.
 */
export function startWatchdog(deps: {
  /** How often something was fetched so far. */
  fetched(): number;
  /** Whether something waits and may be fetched. A rejection (Redis is away) counts as no. */
  couldFetch(): Promise<boolean>;
  renew(): void;
}): { stop(): void } {
  let fetchedBefore = deps.fetched();
  let silent = 0;
  let looking = false;

  async function look(): Promise<void> {
    const could = await deps.couldFetch().catch(() => false);
    const fetched = deps.fetched();
    silent = could && fetched === fetchedBefore ? silent + 1 : 0;
    fetchedBefore = fetched;
    if (silent < silentChecks) return;
    silent = 0;
    deps.renew();
  }

  const timer = setInterval(() => {
    if (looking) return;
    looking = true;
    void look().finally(() => {
      looking = false;
    });
  }, everyMs);
  timer.unref();
  return { stop: () => clearInterval(timer) };
}
