/** Loaded before a target (`node --import`), so that the code of the project is instrumented when the target loads it. */

import { instrument } from './coverage.ts'

instrument()
