import { openInProcess } from '../../src/engine/in-process.ts';
import { dispatchConformance } from './conformance.ts';
import { quiet } from './quiet.ts';

dispatchConformance('deliveries in this process', () =>
  Promise.resolve({ open: () => Promise.resolve(openInProcess({ log: quiet })), close: () => Promise.resolve() }),
);
