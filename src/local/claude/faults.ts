import { z } from 'zod';
import type { MessagesRequest } from './request.ts';

const common = {
  /** Only requests of this model, or that offer this tool; all when left out. */
  when: z.strictObject({ model: z.string().optional(), tool: z.string().optional() }).optional(),
  times: z.int().min(1).default(1),
};

/** What goes wrong with a request instead of an answer; and, of kind `answer`, an answer that no good model would give. */
export const faultSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('error'),
    status: z.int(),
    headers: z.record(z.string(), z.string()).default({}),
    error: z.looseObject({ type: z.string(), message: z.string() }),
    ...common,
  }),
  /** The connection breaks after this many events of the stream; without streaming, before any byte of the body. */
  z.strictObject({ kind: z.literal('broken'), afterEvents: z.int().min(0), ...common }),
  /** No answer until the other side goes away. */
  z.strictObject({ kind: z.literal('silence'), ...common }),
  z.strictObject({
    kind: z.literal('answer'),
    text: z.string().default(''),
    tools: z.array(z.strictObject({ name: z.string(), input: z.record(z.string(), z.unknown()) })).default([]),
    stop_reason: z.string().optional(),
    stop_details: z.record(z.string(), z.unknown()).optional(),
    ...common,
  }),
]);

export type Fault = z.infer<typeof faultSchema>;
export type FaultInput = z.input<typeof faultSchema>;

/** Faults wait here in order; each meets the next request that it fits. */
export class Faults {
  #waiting: Fault[] = [];

  next(...faults: readonly FaultInput[]): void {
    this.#waiting.push(...faults.map((fault) => faultSchema.parse(fault)));
  }

  clear(): void {
    this.#waiting = [];
  }

  get waiting(): number {
    return this.#waiting.reduce((sum, fault) => sum + fault.times, 0);
  }

  take(request: MessagesRequest): Fault | null {
    const at = this.#waiting.findIndex((fault) => fits(fault, request));
    const fault = this.#waiting[at];
    if (fault === undefined) return null;
    this.#waiting = fault.times > 1 ? this.#waiting.with(at, { ...fault, times: fault.times - 1 }) : this.#waiting.toSpliced(at, 1);
    return fault;
  }
}

function fits({ when }: Fault, request: MessagesRequest): boolean {
  if (when?.model !== undefined && when.model !== request.model) return false;
  return when?.tool === undefined || (request.tools ?? []).some((tool) => tool.name === when.tool);
}
