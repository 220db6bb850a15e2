import { crc32, deflateRawSync } from 'node:zlib';

export type ZipMember = {
  name: string;
  data: Uint8Array;
  /** Unix mode, 0o100644 by default; 0o120777 makes a link. */
  mode?: number;
  /** The size that the archive claims, for one that lies. */
  claims?: number;
  /** As it stands in the flags of an encrypted member. */
  encrypted?: boolean;
};

/** A zip as PKWARE's APPNOTE has it, deflated, without extras. */
export function zipOf(members: ZipMember[]): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const member of members) {
    const name = Buffer.from(member.name);
    const packed = deflateRawSync(member.data);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(member.encrypted ? 1 : 0, 2);
    common.writeUInt16LE(8, 4);
    common.writeUInt32LE(crc32(member.data), 10);
    common.writeUInt32LE(packed.length, 14);
    common.writeUInt32LE(member.claims ?? member.data.length, 18);
    common.writeUInt16LE(name.length, 22);
    const central = Buffer.alloc(14);
    central.writeUInt32LE(((member.mode ?? 0o100644) << 16) >>> 0, 6);
    central.writeUInt32LE(offset, 10);
    // Made on Unix (3), else nobody reads the mode.
    directory.push(Buffer.from('PK\x01\x02'), Buffer.from([20, 3]), common, central, name);
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), common, name, packed]);
    parts.push(local);
    offset += local.length;
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06');
  end.writeUInt16LE(members.length, 8);
  end.writeUInt16LE(members.length, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, central, end]);
}
