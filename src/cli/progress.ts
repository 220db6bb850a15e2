import cliProgress from 'cli-progress';

export type Progress = { total(count: number): void; update(done: number): void; stop(): void };

const silent: Progress = { total: () => {}, update: () => {}, stop: () => {} };

/** A progress bar on standard error where that is a terminal; nothing elsewhere, so that pipes and logs stay clean. */
export function progressBar(what: string, wanted = true): Progress {
  if (!wanted || !process.stderr.isTTY) return silent;
  const bar = new cliProgress.SingleBar(
    {
      format: `${what} {bar} {value}/{total} {duration_formatted}`,
      hideCursor: true,
      clearOnComplete: true,
      stream: process.stderr,
    },
    cliProgress.Presets.shades_grey,
  );
  let started = false;
  return {
    total(count) {
      if (started) bar.setTotal(count);
      else bar.start(count, 0);
      started = true;
    },
    update(done) {
      if (!started) bar.start(0, 0);
      started = true;
      if (done > bar.getTotal()) bar.setTotal(done);
      bar.update(done);
    },
    stop() {
      if (started) bar.stop();
    },
  };
}
