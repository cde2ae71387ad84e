/** Reads the operator's data again and again, while the page is looked at and not paused. */

import { useEffect, useRef, useState } from 'preact/hooks'
import { messageOf, request } from '../shared/requests.ts'

export interface Polled<Data> {
  /** The latest that was read; it stays when the server stops answering. */
  readonly data: Data | undefined
  readonly problem: string | undefined
  /** Reads at once. */
  readonly refresh: () => void
}

interface PollSettings {
  readonly everyMs: number
  readonly when: 'running' | 'paused'
}

/** @param path relative to the page */
export function usePolled<Data>(path: string, { everyMs, when }: PollSettings): Polled<Data> {
  const [data, setData] = useState<Data>()
  const [problem, setProblem] = useState<string>()
  const read = useRef(async () => {
    try {
      setData((await request(path)) as Data)
      setProblem(undefined)
    } catch (error) {
      setProblem(messageOf(error))
    }
  })
  useEffect(() => {
    if (when === 'paused') return
    const look = () => {
      if (!document.hidden) void read.current()
    }
    look()
    const timer = setInterval(look, everyMs)
    document.addEventListener('visibilitychange', look)
    return () => {
      clearInterval(timer)
      document.removeEventListener('visibilitychange', look)
    }
  }, [everyMs, when])
  return { data, problem, refresh: read.current }
}
