export const meta = {
  name: 'migrate-shards',
  description: 'Migrates each shard as soon as what it needs is accepted; accepts what passes review, leaves the rest over and says why.',
  phases: [{ title: 'Migrate' }, { title: 'Review' }, { title: 'Revise' }],
};

const { rounds = 3, reviewers } = args ?? {};
// What becomes of each shard: {id, change, on} once it is accepted, {id, why} if it is left over.
const begun = {};
const outcome = (id) => (begun[id] ??= attempt(shards.find((shard) => shard.id === id)));
const all = await Promise.all(shards.map((shard) => outcome(shard.id)));

return {
  accepted: all.filter((each) => each.change).map((each) => each.id),
  leftOver: all.filter((each) => each.why).map((each) => ({ shard: each.id, why: each.why })),
};

async function attempt(shard) {
  try {
    const needed = await Promise.all(shard.after.map(outcome));
    const missing = needed.filter((each) => each.why).map((each) => each.id);
    if (missing.length > 0) throw new Error(`not started: it needs ${missing.join(', ')}, left over`);
    // All that it needs, directly or not, each after its own needs; the same change is laid once.
    const on = [...new Set(needed.flatMap((each) => each.on.concat(each.change)))];
    return { id: shard.id, on, change: await converge(shard, on) };
  } catch (error) {
    log(`${shard.id} is left over: ${error.message}`);
    return { id: shard.id, why: error.message };
  }
}

// Migrates, then reviews and revises until the change is accepted; a round is one review.
async function converge(shard, on) {
  let change = done(await migrate(shard, { on, label: shard.id, phase: 'Migrate' }), 'not migrated');
  for (let round = 1; ; round++) {
    const verdict = await judge(change, `${shard.id} round ${round}`);
    if (verdict.outcome === 'accepted') {
      done(await accept(change, verdict), 'not accepted');
      return change;
    }
    const blocking = verdict.findings.filter((finding) => finding.severity === 'blocking');
    if (round >= rounds) throw new Error(`${blocking.length} objection(s) stand after ${round} review(s): ${blocking[0]?.claim}`);
    change = done(await revise(change, verdict, { label: `${shard.id} revision ${round}`, phase: 'Revise' }), 'not revised');
  }
}

// A verdict is unverified when a reviewer did not answer: asked once more, never taken for a yes or a no.
async function judge(change, label) {
  const ask = async () => done(await review(change, { reviewers, label, phase: 'Review' }), 'not reviewed');
  let verdict = await ask();
  if (verdict.outcome === 'unverified') verdict = await ask();
  if (verdict.outcome === 'unverified') throw new Error('not verified: not every reviewer answered, twice');
  return verdict;
}

// Called right after a result: then the last failure is the one that made it null.
function done(result, what) {
  if (result !== null) return result;
  throw new Error(`${what}: ${failures().at(-1)?.cause}`);
}
