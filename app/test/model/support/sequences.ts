import fc from "fast-check";
import * as commands from "./commands.ts";
import type { ModelCommand, Plan } from "./commands.ts";
import type { StepKind } from "./content.ts";
import type { Blow } from "./stage.ts";

const place = fc.nat({ max: 40 });
const rarely = (times: number): fc.Arbitrary<boolean> =>
  fc.nat({ max: times - 1 }).map((n) => n === times - 1);

const steps = fc
  .array(
    fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom<StepKind>("table", "column") },
      { weight: 3, arbitrary: fc.constantFrom<StepKind>("index", "detach") },
      { weight: 1, arbitrary: fc.constant<StepKind>("fail") },
    ),
    { maxLength: 2 },
  )
  .map((kinds) => [...new Set(kinds)]);

const plan: fc.Arbitrary<Plan> = fc.record({
  steps,
  noTransaction: rarely(2),
  breaking: rarely(4),
  deferred: rarely(10),
  irreversible: rarely(12),
});

const blow = fc.record({
  how: fc.oneof(
    { weight: 12, arbitrary: fc.constant<Blow>("kill") },
    { weight: 5, arbitrary: fc.constant<Blow>("terminate") },
    { weight: 1, arbitrary: fc.constantFrom<Blow>("restart", "crash") },
  ),
  at: place,
  moment: fc.constantFrom("before" as const, "in" as const, "after" as const),
});
const few = fc.integer({ min: 1, max: 2 });

const added = fc
  .tuple(plan, fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: place }))
  .map(([made, gap]) => commands.add(made, gap));
const struck = fc.oneof(
  { weight: 4, arbitrary: blow.map((b) => commands.up(b)) },
  { weight: 1, arbitrary: fc.tuple(few, blow).map(([n, b]) => commands.upLimited(n, b)) },
  { weight: 1, arbitrary: blow.map((b) => commands.upOutOfOrder(b)) },
  { weight: 1, arbitrary: blow.map((b) => commands.deferredUp(b)) },
  { weight: 2, arbitrary: fc.tuple(few, blow).map(([n, b]) => commands.down(n, b)) },
  { weight: 2, arbitrary: blow.map((b) => commands.redo(b)) },
);
const settling = fc.oneof(
  { weight: 3, arbitrary: fc.constant(null).map(() => commands.repairAll()) },
  { weight: 2, arbitrary: place.map((at) => commands.repairOne(at)) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(place, fc.constantFrom("applied" as const, "pending" as const))
      .map(([at, as]) => commands.repairOne(at, as)),
  },
);
const history = fc.oneof(
  { weight: 3, arbitrary: place.map((at) => commands.editComment(at)) },
  { weight: 2, arbitrary: place.map((at) => commands.editStatements(at)) },
  { weight: 1, arbitrary: place.map((at) => commands.toggleBreaking(at)) },
  { weight: 2, arbitrary: place.map((at) => commands.rename(at)) },
  { weight: 2, arbitrary: fc.tuple(place, place).map(([at, to]) => commands.renumber(at, to)) },
  { weight: 1, arbitrary: place.map((at) => commands.remove(at)) },
  { weight: 2, arbitrary: fc.tuple(place, plan).map(([at, made]) => commands.merge(at, made)) },
  { weight: 2, arbitrary: fc.tuple(place, plan).map(([at, made]) => commands.replace(at, made)) },
  { weight: 2, arbitrary: fc.constant(null).map(() => commands.release()) },
  { weight: 1, arbitrary: fc.constant(null).map(() => commands.checkout()) },
);
const running = fc.oneof(
  { weight: 6, arbitrary: fc.constant(null).map(() => commands.up()) },
  { weight: 1, arbitrary: few.map((n) => commands.upLimited(n)) },
  { weight: 1, arbitrary: place.map((at) => commands.upTo(at)) },
  { weight: 1, arbitrary: fc.constant(null).map(() => commands.upOutOfOrder()) },
  { weight: 1, arbitrary: fc.constant(null).map(() => commands.deferredUp()) },
  {
    weight: 3,
    arbitrary: fc
      .oneof({ weight: 8, arbitrary: few }, { weight: 1, arbitrary: fc.constant(0) })
      .map((n) => commands.down(n)),
  },
  { weight: 2, arbitrary: fc.constant(null).map(() => commands.redo()) },
  { weight: 1, arbitrary: place.map((at) => commands.baseline(at)) },
  { weight: 1, arbitrary: fc.constant(null).map(() => commands.check()) },
  { weight: 1, arbitrary: fc.constant(null).map(() => commands.olderCheck()) },
  { weight: 1, arbitrary: fc.constant(null).map(() => commands.olderUp()) },
);

const single = fc.oneof(
  { weight: 5, arbitrary: added },
  { weight: 5, arbitrary: history },
  { weight: 7, arbitrary: running },
  { weight: 3, arbitrary: settling },
  { weight: 4, arbitrary: struck },
);

/** Each of these, or it is left out. */
function phrase(...parts: fc.Arbitrary<ModelCommand>[]): fc.Arbitrary<ModelCommand[]> {
  return fc
    .tuple(...parts.map((part) => fc.option(part, { freq: 9, nil: undefined })))
    .map((list) => list.filter((command) => command !== undefined));
}

const apply = fc.constant(null).map(() => commands.up());
// Commands that belong together oftener than chance puts them there; what they are about stays random.
const phrases = fc.oneof(
  phrase(added, apply),
  phrase(added, apply, history, settling, apply),
  phrase(added, added, struck, running, apply),
  phrase(struck, struck, apply),
  phrase(
    fc.constant(null).map(() => commands.release()),
    added,
    apply,
    history,
    settling,
    fc.constant(null).map(() => commands.olderCheck()),
  ),
);

/** Sequences of commands, short ones and long ones. */
export function sequences(): fc.Arbitrary<ModelCommand[]> {
  return fc
    .array(
      fc.oneof(
        { weight: 3, arbitrary: single.map((command) => [command]) },
        { weight: 2, arbitrary: phrases },
      ),
      { minLength: 1, maxLength: 14, size: "max" },
    )
    .map((parts) => parts.flat());
}
