import { Script, createContext } from 'node:vm';

const place: { act: (() => void) | null } = { act: null };
const CONTEXT = createContext(place);
const CALL = new Script('act()');

/** Thrown by `within` when the limit is over. */
export class TooLong extends Error {}

/**
 * Runs work of this thread that somebody else's words could make endless (a glob, a schema), and ends it after `milliseconds`. Nothing else goes on meanwhile, so
 * that the limit is short. No sandbox: `vm` is used for its clock alone, which costs a quarter of a millisecond a call. Throws TooLong, and what `act` throws.
 */
export function within<Value>(milliseconds: number, act: () => Value): Value {
  let take = (): Value => {
    throw new TooLong(`not done within ${milliseconds / 1000} s`);
  };
  place.act = () => {
    const value = act();
    take = () => value;
  };
  try {
    CALL.runInContext(CONTEXT, { timeout: milliseconds });
  } catch (error) {
    // It is an error of that context, which is no instance of this one's.
    if (typeof error === 'object' && error !== null && 'code' in error && error.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return take();
    throw error;
  } finally {
    place.act = null;
  }
  return take();
}
