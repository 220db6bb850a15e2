import { parentPort, workerData } from 'node:worker_threads';
import { type BareStep, openBareWrites } from './bare-writes.ts';

/* A storage thread that writes what it is given and says when it is on disk. */
const bare = openBareWrites(workerData.file);
const port = parentPort!;
port.on('message', (message: BareStep | 'succeeded' | 'close') => {
  if (message === 'close') {
    bare.close();
    port.close();
  } else if (message === 'succeeded') port.postMessage(bare.succeeded());
  else {
    bare.write(message);
    port.postMessage(0);
  }
});
