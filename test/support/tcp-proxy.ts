import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** A network that can fail, between a client and a server on loopback. */
export type TcpProxy = {
  port: number;
  /** What the server answers is kept back, and thrown away by `cut`. */
  muteAnswers(): void;
  /** Nothing passes in either direction, and connections stay open. */
  freeze(): void;
  /** What was kept back goes on its way. */
  thaw(): void;
  /** Every connection is reset. */
  cut(): void;
  /** New connections are refused as well, until `restore`. */
  refuse(): void;
  restore(): void;
  close(): Promise<void>;
};

export async function startTcpProxy(target: { host: string; port: number }): Promise<TcpProxy> {
  const pairs = new Set<[client: Socket, server: Socket]>();
  let refusing = false;
  let frozen = false;
  let muted = false;

  const apply = () => {
    for (const [client, server] of pairs) {
      if (frozen) client.pause();
      else client.resume();
      if (frozen || muted) server.pause();
      else server.resume();
    }
  };
  const cut = () => {
    for (const pair of pairs) for (const socket of pair) socket.resetAndDestroy();
    pairs.clear();
  };

  const listener = createServer((client) => {
    if (refusing) {
      client.resetAndDestroy();
      return;
    }
    const server = connect(target);
    const pair: [Socket, Socket] = [client, server];
    pairs.add(pair);
    const end = () => {
      pairs.delete(pair);
      for (const socket of pair) socket.destroy();
    };
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      from.on('data', (chunk) => void to.write(chunk));
      from.on('error', end);
      from.on('close', end);
    }
    apply();
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const address = listener.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');

  return {
    port: address.port,
    muteAnswers() {
      muted = true;
      apply();
    },
    freeze() {
      frozen = true;
      apply();
    },
    thaw() {
      frozen = false;
      muted = false;
      apply();
    },
    cut,
    refuse() {
      refusing = true;
      cut();
    },
    restore() {
      refusing = false;
    },
    async close() {
      cut();
      listener.close();
      await once(listener, 'close');
    },
  };
}
