/** The textfile for node_exporter. */

import { mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { Metrics } from '../../../adapters/http/metrics.ts'
import { MetricsTextfile } from '../../../adapters/http/metrics-textfile.ts'
import { testLog } from '../../support/log.ts'
import { scratch } from '../../support/scratch.ts'

describe('the metrics textfile', () => {
  it('replaces the one before at once, leaves nothing beside it, and names itself in every series', async () => {
    const directory = join(scratch(), 'not there yet')
    const path = join(directory, 'strfry.prom')
    const metrics = new Metrics('1.2.3')
    const file = new MetricsTextfile({ path, read: async () => metrics.registry, log: testLog() })
    await Promise.all([file.write(), file.write()])
    metrics.observer.published('stored', 3)
    await file.end()
    expect(readdirSync(directory)).toEqual(['strfry.prom'])
    const text = readFileSync(path, 'utf8')
    expect(text).toContain('\nkeypackage_gateway_publishes_total{outcome="stored",textfile="strfry"} 1\n')
    const series = text.split('\n').filter((line) => /^\w/.test(line))
    expect(series.filter((line) => !line.includes('textfile="strfry"'))).toEqual([])
    expect(await metrics.registry.metrics()).not.toContain('textfile')
  })

  it('that cannot be written stops nothing; the log says it once, and again after it could be written', async () => {
    const directory = scratch()
    const path = join(directory, 'blocked.prom')
    mkdirSync(path)
    const log = testLog()
    const file = new MetricsTextfile({ path, read: async () => new Metrics('1.2.3').registry, log })
    const failure = 'cannot write the metrics textfile; trying again'
    await file.write()
    await file.write()
    expect(log.lines.map(({ message }) => message)).toEqual([failure])
    expect(readdirSync(directory)).toEqual(['blocked.prom'])
    rmdirSync(path)
    await file.write()
    expect(readFileSync(path, 'utf8')).toContain('keypackage_gateway_build_info')
    rmSync(path)
    mkdirSync(path)
    await file.end()
    expect(log.lines.map(({ message }) => message)).toEqual([failure, failure])
  })
})
