/**
 * Which hosts an offer may not name: a stranger's offer must not make a buyer call machines of its own
 * network. Literal addresses are judged here; names are judged again by the address they resolve to, where
 * the platform lets us (Node does, browsers guard their own network).
 */

const localNames = /(^|\.)(localhost|local|internal|lan|home|arpa|test|invalid)$/;

/** True for loopback, private, link-local, shared, multicast and reserved addresses, IPv4 or IPv6. */
export function isPrivateAddress(address: string): boolean {
  const text = address.toLowerCase();
  return text.includes(':') ? isPrivateV6(text) : isPrivateV4(text);
}

/** First address and prefix length of each range that is not on the open internet. */
const privateV4: readonly (readonly [string, number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['224.0.0.0', 3],
];

function numberOfV4(text: string): number {
  const parts = text.split('.').map(Number);
  const isValid = parts.length === 4 && parts.every((part) => part >= 0 && part <= 255);
  return isValid ? parts.reduce((sum, part) => sum * 256 + part, 0) : 0;
}

function isPrivateV4(text: string): boolean {
  const number = numberOfV4(text);
  return privateV4.some(([first, bits]) => {
    const size = 2 ** (32 - bits);
    return Math.floor(number / size) === Math.floor(numberOfV4(first) / size);
  });
}

const mappedV4 = /^(?:0*:)*:?(?:ffff:)?(\d+\.\d+\.\d+\.\d+)$/;

function isPrivateV6(text: string): boolean {
  const mapped = mappedV4.exec(text);
  if (mapped) return isPrivateV4(mapped[1] ?? '');
  // Only 2000::/3 is routed on the open internet; 2002::/16 and 64:ff9b::/96 carry IPv4 inside.
  return !/^[23][0-9a-f]{3}:/.test(text) || text.startsWith('2002:');
}

/** True when the URL's host is, by its text alone, inside the caller's own network. */
export function isPrivateUrl(url: string): boolean {
  const { hostname } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, '');
  if (/^[0-9.]+$/.test(host) || host.includes(':')) return isPrivateAddress(host);
  return !host.includes('.') || localNames.test(host);
}
