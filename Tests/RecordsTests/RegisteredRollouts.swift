import Kernel
import Postgres

@testable import Records

extension RegisteredStatement {
    static let rollouts: [RegisteredStatement] = [
        engine("RolloutQueries.lock", RolloutQueries.lock(lane: 1, tenants: [one.id])),
        app("RolloutQueries.all", RolloutQueries.all(tenant: one.id)),
        engine("RolloutQueries.put", RolloutQueries.put(one.rolloutRow)),
        engine(
            "RolloutQueries.insertRuns",
            RolloutQueries.insertRuns(
                lane: 1, tenants: [one.id], runs: [one.run], rollouts: [one.rollout], arms: ["live"], at: now)),
        engine(
            "RolloutQueries.note",
            RolloutQueries.note(lane: 1, tenants: [one.id], runs: [one.run], events: [[:]], at: now)),
        engine(
            "RolloutQueries.journals", RolloutQueries.journals(lane: 1, tenants: [one.id], runs: [one.run], limit: 5)),
        engine("RolloutQueries.forget", RolloutQueries.forget(lane: 1, tenants: [one.id], runs: [one.run])),
        engine("RolloutQueries.compared", RolloutQueries.compared(one.comparisonRow)),
        app(
            "RolloutQueries.figures",
            RolloutQueries.figures(tenant: one.id, rollout: one.rollout, since: now, limit: 5)),
        engine(
            "RolloutQueries.figures",
            RolloutQueries.figures(tenant: one.id, rollout: one.rollout, since: now, limit: 5)),
        app("RolloutQueries.verdicts", RolloutQueries.verdicts(tenant: one.id, rollout: one.rollout, since: now)),
        engine("RolloutQueries.verdicts", RolloutQueries.verdicts(tenant: one.id, rollout: one.rollout, since: now)),
        app("RolloutQueries.kinds", RolloutQueries.kinds(tenant: one.id, rollout: one.rollout)),
        app(
            "RolloutQueries.comparisons",
            RolloutQueries.comparisons(
                tenant: one.id, rollout: one.rollout, verdict: "different", before: (now, one.run), limit: 5)),
        app(
            "RolloutQueries.comparisons",
            RolloutQueries.comparisons(tenant: one.id, rollout: one.rollout, verdict: nil, before: nil, limit: 5)),
    ]
}
