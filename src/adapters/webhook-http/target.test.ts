import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Resolve, ResolvedAddress } from './target.ts';
import { createWebhookHttp } from './webhook-http.ts';

const family = (address: string): ResolvedAddress => ({ address, family: address.includes(':') ? 6 : 4 });

/** A scripted DNS: names it does not know have no address, as in reality. */
const names: Record<string, string[]> = {
  localhost: ['::1', '127.0.0.1'],
  'localhost.': ['127.0.0.1'],
  'app.localhost': ['127.0.0.1'],
  '127.0.0.1.nip.io': ['127.0.0.1'],
  '169-254-169-254.sslip.io': ['169.254.169.254'],
  'metadata.google.internal': ['169.254.169.254'],
  redis: ['172.18.0.4'],
  'mixed.example.com': ['93.184.215.14', '10.0.0.7'],
  'mixed6.example.com': ['2606:2800:21f::1', 'fd00::7'],
  'zone.example.com': ['fe80::1%eth0'],
  'mapped.example.com': ['::ffff:10.0.0.7'],
  'nonsense.example.com': ['not-an-address'],
  'example.com': ['93.184.215.14', '2606:2800:21f:cb07:6820:80da:af6b:8b2c'],
  'example.com.': ['93.184.215.14'],
  'xn--bcher-kva.example': ['93.184.215.14'],
};
const resolve: Resolve = async (hostname) => {
  const found = names[hostname];
  if (!found) throw Object.assign(new Error('not found'), { code: 'ENOTFOUND' });
  return found.map(family);
};
const transport = createWebhookHttp({ allow: [], resolve });

const refusedHosts = [
  // IPv4 literals in every spelling that a URL parser or an old libc takes
  ...[
    '127.0.0.1',
    '127.1',
    '127.0.1',
    '2130706433',
    '0x7f000001',
    '0x7f.1',
    '0x7F.0x0.0x0.0x1',
    '0177.0.0.1',
    '017700000001',
  ],
  ...[
    '00000177.0.0.1',
    '127.0.0.1.',
    '127.000.000.001',
    '0',
    '0.0.0.0',
    '0x0',
    '10.0.0.1',
    '167772161',
    '0xa.1',
    '012.1',
  ],
  ...[
    '192.168.1.1',
    '3232235777',
    '172.16.0.1',
    '100.64.0.1',
    '169.254.169.254',
    '2852039166',
    '0xA9FEA9FE',
    '0251.0376.0251.0376',
  ],
  ...['198.18.0.1', '224.0.0.1', '255.255.255.255', '4294967295', '168.63.129.16', '100.100.100.200'],
  // the same behind other characters
  ...[
    '１２７.０.０.１',
    '127。0。0。1',
    '①②⑦.0.0.1',
    '%31%32%37.0.0.1',
    '127%2E0%2E0%2E1',
    'ⓛocalhost',
    'LOCALHOST',
    'loc\talhost',
  ],
  // IPv6 literals
  ...[
    '[::]',
    '[::1]',
    '[0:0:0:0:0:0:0:1]',
    '[0000::0001]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[::FFFF:7F00:0001]',
  ],
  ...[
    '[::127.0.0.1]',
    '[::ffff:0:127.0.0.1]',
    '[64:ff9b::127.0.0.1]',
    '[64:ff9b::a9fe:a9fe]',
    '[2002:7f00:1::]',
    '[fe80::1]',
  ],
  ...['[fd00:ec2::254]', '[fc00::1]', '[ff02::1]', '[2001:db8::1]', '[2001::1]', '[100::1]', '[fec0::1]'],
  // names
  ...[
    'localhost',
    'localhost.',
    'app.localhost',
    '127.0.0.1.nip.io',
    '169-254-169-254.sslip.io',
    'metadata.google.internal',
  ],
  ...[
    'redis',
    'mixed.example.com',
    'mixed6.example.com',
    'zone.example.com',
    'mapped.example.com',
    'nonsense.example.com',
  ],
];

test('no spelling of an address inside the house passes, at creation and at sending', async () => {
  for (const host of refusedHosts) {
    const url = `https://${host}/hook`;
    const checked = await transport.checkUrl(url);
    assert.equal(checked.ok, false, url);
    assert.equal(checked.ok === false && checked.refused, 'address', url);
    const sent = await transport.send({ url, headers: {}, body: '{}' });
    assert.equal(sent.kind, 'refused-by-guard', url);
  }
});

test('public hosts pass, in their normal spelling', async () => {
  const passing: [given: string, kept: string][] = [
    ['https://8.8.8.8/hook', 'https://8.8.8.8/hook'],
    ['https://134744072/hook', 'https://8.8.8.8/hook'],
    ['https://0x08.010.8.8/', 'https://8.8.8.8/'],
    ['https://１.１.１.１/', 'https://1.1.1.1/'],
    ['https://[2001:4860:4860::8888]/hook', 'https://[2001:4860:4860::8888]/hook'],
    ['https://[::ffff:8.8.8.8]/', 'https://[::ffff:808:808]/'],
    ['https://[64:ff9b::8.8.8.8]/', 'https://[64:ff9b::808:808]/'],
    ['https://example.com/hook?key=1', 'https://example.com/hook?key=1'],
    ['HTTPS://EXAMPLE.com', 'https://example.com/'],
    ['https://example.com.:8443/', 'https://example.com.:8443/'],
    ['https://bücher.example/', 'https://xn--bcher-kva.example/'],
    ['https://example.com:443/', 'https://example.com/'],
    ['https://example.com:1/', 'https://example.com:1/'],
  ];
  for (const [given, kept] of passing)
    assert.deepEqual(await transport.checkUrl(given), { ok: true, url: kept }, given);
});

test('what is no plain web address is refused with the reason', async () => {
  const cases: [url: string, refused: string][] = [
    ['', 'malformed'],
    ['example.com/hook', 'malformed'],
    ['/hook', 'malformed'],
    ['https://', 'malformed'],
    ['https://[::1', 'malformed'],
    ['https://256.1.1.1/', 'malformed'],
    ['https://1.2.3.4.5/', 'malformed'],
    ['https://[fe80::1%25eth0]/', 'malformed'],
    ['https://exa mple.com/', 'malformed'],
    ['https://example.com:65536/', 'malformed'],
    ['ftp://example.com/', 'scheme'],
    ['file:///etc/passwd', 'scheme'],
    ['gopher://example.com/', 'scheme'],
    ['javascript:alert(1)', 'scheme'],
    ['data:text/plain,x', 'scheme'],
    ['ws://example.com/', 'scheme'],
    ['https://user@example.com/', 'userinfo'],
    ['https://user:pass@example.com/', 'userinfo'],
    ['https://:pass@example.com/', 'userinfo'],
    ['https://example.com@127.0.0.1/', 'userinfo'],
    ['https://example.com/#part', 'fragment'],
    ['https://example.com/#', 'fragment'],
    ['https://example.com:0/', 'port'],
    [`https://example.com/${'a'.repeat(2048)}`, 'too-long'],
    ['http://example.com/', 'plain-http'],
    ['http://8.8.8.8/', 'plain-http'],
    ['http://127.0.0.1/', 'address'],
    ['http:\\\\127.0.0.1\\', 'address'],
    ['http:127.0.0.1', 'address'],
    [' https://127.0.0.1\n', 'address'],
  ];
  for (const [url, refused] of cases) {
    const checked = await transport.checkUrl(url);
    assert.equal(checked.ok === false && checked.refused, refused, url);
  }
});

test('a URL of 2048 characters passes', async () => {
  const url = `https://example.com/${'a'.repeat(2048 - 'https://example.com/'.length)}`;
  assert.deepEqual(await transport.checkUrl(url), { ok: true, url });
});

test('plain http passes only where every address lies in a listed network', async () => {
  const house = createWebhookHttp({
    allow: ['10.0.0.0/8', '93.184.215.14/32'],
    resolve: async (name) => addresses[name]!,
  });
  const addresses: Record<string, ResolvedAddress[]> = {
    inside: [family('10.0.0.7')],
    'listed.example': [family('93.184.215.14')],
    'half.example': [family('10.0.0.7'), family('8.8.8.8')],
  };
  const refused = async (url: string) => {
    const checked = await house.checkUrl(url);
    return checked.ok ? undefined : checked.refused;
  };
  assert.equal(await refused('http://inside/'), undefined);
  assert.equal(await refused('http://10.1.1.1:8080/'), undefined);
  assert.equal(await refused('http://listed.example/'), undefined);
  assert.equal(await refused('http://half.example/'), 'plain-http');
  assert.equal(await refused('https://half.example/'), undefined);
});

test('a refusal names the address and why, for the person who set the URL', async () => {
  const checked = await transport.checkUrl('https://redis/');
  assert.equal(
    checked.ok === false && checked.detail,
    'redis resolves to 172.18.0.4, which is private (172.16.0.0/12)',
  );
  const literal = await transport.checkUrl('https://0x7f.1/');
  assert.equal(literal.ok === false && literal.detail, '127.0.0.1 is loopback (127.0.0.0/8)');
});

test('a name that does not resolve passes at creation and fails as dns when sending', async () => {
  assert.equal((await transport.checkUrl('https://later.example/')).ok, true);
  const sent = await transport.send({ url: 'https://later.example/', headers: {}, body: '{}' });
  assert.deepEqual({ ...sent, durationMs: 0 }, { kind: 'dns', detail: 'ENOTFOUND', durationMs: 0 });
});

test('a resolver that throws, answers nothing or never answers sends nothing', async () => {
  const outcomeOf = async (resolver: Resolve) => {
    const fragile = createWebhookHttp({ allow: ['127.0.0.0/8'], resolve: resolver });
    return (await fragile.send({ url: 'http://name.example/', headers: {}, body: '{}', timeoutMs: 50 })).kind;
  };
  const throwing: Resolve = () => {
    throw new Error('broken');
  };
  assert.equal(await outcomeOf(throwing), 'dns');
  assert.equal(await outcomeOf(async () => []), 'dns');
  assert.equal(await outcomeOf(() => new Promise(() => {})), 'timeout');
});

test('a malformed list of networks stops the start', () => {
  assert.throws(() => createWebhookHttp({ allow: ['10.0.0.0/99'] }), /10\.0\.0\.0\/99/);
});
