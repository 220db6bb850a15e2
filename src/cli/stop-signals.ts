/** Of Ctrl-C; of a service manager, a container or `timeout`; of a terminal that is closed. */
const stopSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Calls `stop` at the first signal that ends a command, so that it removes what it has half-written, which may hold answers, and ends by itself. A second one, of
 * whatever name, ends it at once.
 */
export function onStopSignal(stop: () => void): void {
  const heard = () => {
    for (const name of stopSignals) process.off(name, heard);
    stop();
  };
  for (const name of stopSignals) process.on(name, heard);
}
