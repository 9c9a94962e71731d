import { requireNode } from '../node-version.ts';

requireNode();
const { buildWorld, WorldSpec } = await import('./world.ts');
const { answerParent } = await import('./parent.ts');

/** The local GitHub as a process of its own; its parent tells it the world, asks for its counts, and ends it. */
let built: Awaited<ReturnType<typeof buildWorld>> | null = null;
answerParent({
  build: async (spec) => {
    built = await buildWorld(WorldSpec.parse(spec));
    return built.world;
  },
  counts: () => Promise.resolve(Object.fromEntries(built?.hub.counts ?? [])),
  settled: async () => {
    await built?.hub.settled();
    return null;
  },
});
