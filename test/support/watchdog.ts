/** Cleans up after a test file, however it ends: kills its processes and removes its folders. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Socket } from 'node:net'

declare global {
  /** Ends what this test file has left; `environment.mjs` calls it when all of the file is over. */
  var tidyUp: (() => Promise<unknown>) | undefined
}

/** Reads until nobody can write any more, which is when the process that started it is gone. */
const SCRIPT = `
groups=' '
while read -r what subject; do
  case $what in
    folder) set -- "$@" "$subject" ;;
    begun) groups="$groups$subject " ;;
    over) groups="\${groups%%" $subject "*} \${groups#*" $subject "}" ;;
  esac
done
for group in $groups; do kill -s KILL -- "-$group"; done
# One that was just killed may still have put a file there.
rm -rf -- "$@" || rm -rf -- "$@"
`

let pipe: Socket | undefined

/** A folder that is to be removed, or a group of processes that has begun, and has to be killed unless it is over. */
export function tellWatchdog(what: 'folder' | 'begun' | 'over', subject: string | number): void {
  pipe ??= start()
  pipe.write(`${what} ${subject}\n`)
}

/** In a session of its own, for it has to outlive what interrupts the tests. It keeps no process running. */
function start(): Socket {
  const watchdog = spawn('/bin/sh', ['-c', SCRIPT], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] })
  const stdin = watchdog.stdin as Socket
  // Waited for from now on: one that somebody has ended before would be waited for without end.
  const ended = once(watchdog, 'exit')
  watchdog.unref()
  stdin.unref()
  globalThis.tidyUp = () => {
    watchdog.ref()
    stdin.end()
    return ended
  }
  return stdin
}
