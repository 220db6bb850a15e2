/** A message as a mailbox reads it: by code that is not the mailer's. Understands what ours are made of: multipart/alternative, quoted-printable, base64, encoded words. */
export function parseMail(raw: string): { header: (name: string) => string | undefined; text: string; html: string } {
  const message = partOf(raw);
  const boundary = /boundary="?([^";]+)"?/.exec(message.header('content-type') ?? '')?.[1];
  const parts =
    boundary === undefined
      ? []
      : message.body
          .split(`--${boundary}`)
          .slice(1, -1)
          .map((part) => partOf(part.trimStart()));
  const ofType = (type: string) => {
    const part = parts.find((one) => one.header('content-type')?.startsWith(type));
    return part === undefined ? '' : decoded(part.body, part.header('content-transfer-encoding') ?? '');
  };
  return { header: message.header, text: ofType('text/plain'), html: ofType('text/html') };
}

function partOf(raw: string) {
  const at = raw.indexOf('\r\n\r\n');
  const head = (at === -1 ? raw : raw.slice(0, at)).replace(/\r\n[ \t]+/g, ' ').split('\r\n');
  const header = (name: string): string | undefined => {
    const line = head.find((one) => one.toLowerCase().startsWith(`${name.toLowerCase()}:`));
    return line === undefined ? undefined : words(line.slice(name.length + 1).trim());
  };
  return { header, body: at === -1 ? '' : raw.slice(at + 4) };
}

/** RFC 2047; white space between two encoded words is none. */
function words(text: string): string {
  return text
    .replace(/\?=\s+=\?/g, '?==?')
    .replace(/=\?([^?]+)\?([bq])\?([^?]*)\?=/gi, (_all, _charset, how: string, coded: string) =>
      (how.toLowerCase() === 'b' ? Buffer.from(coded, 'base64') : quoted(coded.replaceAll('_', ' '))).toString(
        'latin1',
      ),
    )
    .replace(/[\x80-\xff]+/g, (bytes) => Buffer.from(bytes, 'latin1').toString('utf8'));
}

function decoded(body: string, encoding: string): string {
  if (encoding === 'base64') return Buffer.from(body, 'base64').toString('utf8');
  if (encoding === 'quoted-printable')
    return quoted(body.replace(/=\r\n/g, '')).toString('utf8').replace(/\r\n/g, '\n');
  return body.replace(/\r\n/g, '\n');
}

function quoted(text: string): Buffer {
  return Buffer.from(
    text.replace(/=([0-9A-F]{2})/gi, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  );
}
