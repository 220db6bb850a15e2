import cluster from 'node:cluster';
import { openLog, openSupervision } from '#compose.ts';
import { forkApiProcess } from './cluster/api-process.ts';
import { beatMs } from './cluster/messages.ts';
import { createSupervisor } from './cluster/supervisor.ts';
import { createTogether } from './cluster/together.ts';
import { endOnUnexpected, endWhenTaken, warnOf } from './process.ts';
import type { LoadedSettings } from './settings.ts';
import { version } from './version.ts';

/**
 * The API as several processes under this one, which does nothing else: it starts and replaces them, passes their connections on, and shows their metrics together.
 * SIGTERM and SIGINT stop all in order, a second one at once; SIGHUP replaces one process after another.
 */
export async function supervise(loaded: LoadedSettings): Promise<void> {
  const { config } = loaded;
  const log = await openLog(config);
  warnOf(loaded, log);
  endOnUnexpected(log);
  // In turn: left to the kernel, of 64 connections that come at once 62 were seen to go to one of two processes.
  cluster.schedulingPolicy = cluster.SCHED_RR;

  const supervision = await openSupervision({ log, version });
  const together = createTogether(supervision);
  let stopping = false;
  const supervisor = createSupervisor({
    places: config.workers,
    fork() {
      const process = forkApiProcess();
      together.add(process);
      return process;
    },
    log,
    metrics: supervision.metrics,
    graceMs: config.shutdownGraceMs,
    memoryBytes: config.apiMemoryBytes,
    explain: (sentence) => console.error(sentence),
  });
  const shown = { metrics: together, log, shuttingDown: () => stopping, ready: together.ready };
  const metricsServer = await supervision
    .listenForMetrics(config, shown)
    .catch((err: unknown) => endWhenTaken(err, config));

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (stopping) process.exit(1);
      stopping = true;
      log.info({ signal }, 'stopping');
      supervisor.stop();
    });
  }
  process.on('SIGHUP', () => {
    log.info({ signal: 'SIGHUP' }, 'reloading');
    void supervisor.reload();
  });
  setInterval(() => supervisor.tick(), beatMs);
  void supervisor.start();
  log.info({ processes: config.workers, version, pid: process.pid }, 'supervising');

  const code = await supervisor.ended;
  await metricsServer?.close();
  log.info({ code }, 'stopped');
  log.flush();
  process.exit(code);
}
