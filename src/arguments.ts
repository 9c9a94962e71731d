import { messageOf } from './domain/errors.ts';

/**
 * What a program was called with. What it does not take is never passed over: then it tells why and its usage, and ends with 2. `read` throws where something is wrong.
 */
export function readArguments<Asked>(usage: string, read: () => Asked): Asked {
  try {
    return read();
  } catch (error) {
    console.error(`${messageOf(error)}\n\n${usage}`);
    process.exit(2);
  }
}
