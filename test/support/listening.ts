import { readFileSync } from 'node:fs';

const LISTENING = '0A';

/** The addresses of this machine at which something listens on each of the ports, as the kernel lists them: IPv4 in its own form, others as they stand. */
export function listeningAddresses(ports: readonly number[]): string[] {
  const rows = ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((file) => readFileSync(file, 'utf8').trim().split('\n').slice(1));
  const listening = rows.flatMap((row) => {
    const [, local = '', , state] = row.trim().split(/\s+/);
    const [address = '', port = ''] = local.split(':');
    return state === LISTENING ? [{ address: readable(address), port: Number.parseInt(port, 16) }] : [];
  });
  return ports.map((port) =>
    listening
      .filter((one) => one.port === port)
      .map(({ address }) => address)
      .join(' and '),
  );
}

/** An address of the kernel's: words of four bytes, each written backwards. */
function readable(address: string): string {
  const four = address.replace(/^0{16}FFFF0000/, '');
  return four.length === 8 ? [6, 4, 2, 0].map((at) => Number.parseInt(four.slice(at, at + 2), 16)).join('.') : address;
}
