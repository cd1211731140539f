/** How a method of the control protocol is described. */
import type { z } from 'zod';

/** One method: its parameters, and whether it changes something. */
export interface MethodEntry<Params extends z.ZodType, Result> {
  readonly params: Params;
  /** Does it change the node? The guard of the control server asks. */
  readonly changes: boolean;
  /** Carries the type only. */
  readonly result: (() => Result) | null;
}

/** Describes a method; the type of its result is carried along. */
export const method =
  <Result>() =>
  <Params extends z.ZodType>(params: Params, changes: boolean): MethodEntry<Params, Result> => ({
    params,
    changes,
    result: null,
  });
