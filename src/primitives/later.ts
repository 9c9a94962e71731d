import { ConvergeError } from '../domain/errors.ts';
import type { Primitive } from './primitive.ts';

/** Primitives of the dialect that this version does not have yet, each with what to write instead. */
function later(name: string, instead: string): Primitive {
  return {
    name,
    prepare: async () => {
      throw new ConvergeError('script', `${name}() comes in a later version of Converge. ${instead}`);
    },
    view: (value) => value,
  };
}

export const codemod = later('codemod', 'Use migrate() for the shard.');
