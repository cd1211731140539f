/** Every kind of fault that the nemesis knows. */
import { dataFaults } from './data.js';
import type { FaultKind } from './fault.js';
import { planFaults } from './plans.js';
import { processFaults } from './processes.js';

export const faultKinds: readonly FaultKind[] = [...processFaults, ...dataFaults, ...planFaults];
