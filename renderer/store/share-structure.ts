/**
 * Keeps what did not change. An update crosses from another process, so even equal parts are new objects; giving the old
 * ones back lets narrow selectors compare by identity and render nothing.
 */
const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** `next`, with every part that is deeply equal to the same part of `previous` replaced by that part. */
export function shareStructure<Value>(previous: unknown, next: Value): Value {
  if (Object.is(previous, next)) return next;
  if (Array.isArray(previous) && Array.isArray(next)) {
    const shared = next.map((item, index) => shareStructure(previous[index], item));
    const same = shared.length === previous.length && shared.every((item, index) => item === previous[index]);
    return (same ? previous : shared) as Value;
  }
  if (isRecord(previous) && isRecord(next)) {
    const shared: Record<string, unknown> = {};
    const keys = Object.keys(next);
    let same = keys.length === Object.keys(previous).length;
    for (const key of keys) {
      shared[key] = shareStructure(previous[key], next[key]);
      same &&= Object.hasOwn(previous, key) && shared[key] === previous[key];
    }
    return (same ? previous : shared) as Value;
  }
  return next;
}
