import { openCircuit, type Circuit, type CircuitParts, type Pass } from './circuit.ts';

/** What a failure stops: all that uses the key, one model, or the class of models whose service does not answer. */
export type Scope = 'key' | 'model' | 'service';

export type Passes = Readonly<Record<Scope, Pass>>;

/** The circuits that a request passes, of all runs of this process. */
export interface Circuits {
  enter(model: Asked, signal: AbortSignal): Promise<Passes>;
  /** Throws the Suspended that `enter` would throw now: nobody begins what could not ask anything. */
  check(model: Asked): void;
}

interface Asked {
  readonly model: string;
  readonly class: string;
}

export function openCircuits(parts: CircuitParts): Circuits {
  const circuits = new Map<string, Circuit>();
  const circuitOf = (name: string): Circuit => {
    const circuit = circuits.get(name) ?? openCircuit(parts);
    circuits.set(name, circuit);
    return circuit;
  };
  const of = ({ model, class: modelClass }: Asked): Readonly<Record<Scope, Circuit>> => ({
    key: circuitOf('key'),
    model: circuitOf(`model ${model}`),
    service: circuitOf(`service ${modelClass}`),
  });

  return {
    check(asked) {
      for (const circuit of Object.values(of(asked))) circuit.check();
    },
    async enter(asked, signal) {
      const circuits = of(asked);
      const entered: Pass[] = [];
      const next = async (circuit: Circuit): Promise<Pass> => {
        const pass = await circuit.enter(signal);
        entered.push(pass);
        return pass;
      };
      try {
        return { key: await next(circuits.key), model: await next(circuits.model), service: await next(circuits.service) };
      } catch (error) {
        for (const pass of entered) pass.left();
        throw error;
      }
    },
  };
}
