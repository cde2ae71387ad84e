/** Preloaded into a process (`--import`), sets its clock ahead by CLOCK_AHEAD_SECONDS. */

const { now } = Date
const aheadMs = Number(process.env.CLOCK_AHEAD_SECONDS) * 1000

Date.now = () => now() + aheadMs
