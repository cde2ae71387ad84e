/** Says what is wrong with an address that a server cannot listen on: which setting, and what to do. */

import { hostAndPort } from './settings-schema.ts'

/** A server cannot listen where its settings say. */
export class ListenError extends Error {
  readonly code = 'KPG_LISTEN'
}

/** An address to listen on, and the setting that has it. */
export interface ListenAddress {
  readonly setting: 'listen' | 'admin.listen'
  readonly address: string
}

const reasons: Readonly<Record<string, (port: number, host: string) => string>> = {
  EADDRINUSE: (port) =>
    `another program listens there already; stop it (\`ss -ltnp "sport = :${port}"\` shows which), or choose another port`,
  EACCES: (port) =>
    port < 1024
      ? 'ports below 1024 are for root; choose a higher one behind a reverse proxy, or give the program CAP_NET_BIND_SERVICE'
      : 'it is not permitted; look at the rules of this machine (SELinux, a sandbox, a container)',
  EADDRNOTAVAIL: (port) =>
    `this machine has no such address; choose one that \`ip address\` lists, or 0.0.0.0:${port} for every network`,
  ENOTFOUND: (_, host) => `the host name ${host} is not known; use an address`,
  EAI_AGAIN: (_, host) => `the host name ${host} cannot be looked up now; use an address`,
  EAFNOSUPPORT: () => 'this machine has no addresses of that kind; is IPv6 off? Choose an IPv4 address',
}

/**
 * Starts a server.
 * @throws ListenError where it cannot listen on its address
 */
export async function listeningOn<Server>(
  { setting, address }: ListenAddress,
  start: (place: { readonly host: string; readonly port: number }) => Promise<Server>,
): Promise<Server> {
  const { host, port } = hostAndPort(address)
  try {
    return await start({ host, port })
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    const reason = reasons[code]?.(port, host)
    if (reason === undefined) throw error
    const flag = `--${setting.replace('.', '-')}`
    throw new ListenError(`${setting}: cannot listen on ${address}: ${reason} (${flag}; ${code})`)
  }
}
