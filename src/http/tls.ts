import type { Server as NetServer, Socket } from 'node:net';
import type { SecureContextOptions } from 'node:tls';

/** A certificate with the chain to its authority, and its key: PEM. */
export type TlsIdentity = { certificate: string; key: string };

/** Whatever Node was started with: nothing before TLS 1.2 is spoken. */
export function secureContext({ certificate, key }: TlsIdentity): SecureContextOptions {
  return { cert: certificate, key, minVersion: 'TLSv1.2' };
}

/**
 * The connections below those of HTTP. While a handshake is under way there is no HTTP connection yet, and Node's HTTP server ends only those: a client that says
 * nothing would hold its end up.
 */
export function socketsOf(server: NetServer): ReadonlySet<Socket> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  return sockets;
}
