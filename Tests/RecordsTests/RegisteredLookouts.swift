import Kernel
import Postgres

@testable import Records

/// The statements about error budgets and signs of life.
extension RegisteredStatement {
    private static let token = [UInt8](0..<32)

    static let lookouts: [RegisteredStatement] = [
        engine("BudgetQueries.count", BudgetQueries.count(lane: 1, [one.decidedCase])),
        engine("BudgetQueries.judge", BudgetQueries.judge(lane: 1, [one.judgedRun])),
        app("BudgetQueries.judged", BudgetQueries.judged(tenant: one.id, run: one.run)),
        app("BudgetQueries.judged", BudgetQueries.judged(tenant: one.id, objective: "touchless", since: now, limit: 5)),
        app("BudgetQueries.judgedAttainment", BudgetQueries.judgedAttainment(tenant: one.id, since: now)),
        app("BudgetQueries.causes", BudgetQueries.causes(tenant: one.id, objective: "touchless", since: now)),
        app(
            "BudgetQueries.judged",
            BudgetQueries.judged(tenant: one.id, contract: one.asset, from: now, to: now, after: nil, limit: 5)),
        app(
            "BudgetQueries.judged",
            BudgetQueries.judged(tenant: one.id, contract: one.asset, from: now, to: now, after: one.run, limit: 5)),
        app("BudgetQueries.minutes", BudgetQueries.minutes(tenant: one.id, since: now, recent: now)),
        app("BudgetQueries.trim", BudgetQueries.trim(tenant: one.id, before: now)),
        app(
            "BudgetQueries.raise",
            BudgetQueries.raise(tenant: one.id, objective: "posting", alarm: "slo-slow-burn", now: now, tellBefore: now)),
        app("BudgetQueries.clear", BudgetQueries.clear(tenant: one.id, objective: "posting", alarm: "slo-slow-burn")),
        app("BudgetQueries.alarms", BudgetQueries.alarms(tenant: one.id)),
        app("HeartbeatQueries.beat", HeartbeatQueries.beat(tenant: one.id, ids: [one.heartbeat], [one.beat])),
        app("HeartbeatQueries.withdraw", HeartbeatQueries.withdraw(tenant: one.id, kind: "worker", besides: ["worker"])),
        app("HeartbeatQueries.job", HeartbeatQueries.job(tenant: one.id, id: one.heartbeat)),
        app("HeartbeatQueries.ping", HeartbeatQueries.ping(tenant: one.id, id: one.heartbeat, at: now)),
        app(
            "HeartbeatQueries.takeMissed",
            HeartbeatQueries.takeMissed(tenant: one.id, now: now, judgedFrom: now, deaf: (now, now), tellBefore: now)),
        app("HeartbeatQueries.takeReturned", HeartbeatQueries.takeReturned(tenant: one.id)),
        app("HeartbeatQueries.all", HeartbeatQueries.all(tenant: one.id)),
        report("HeartbeatQueries.everybody", HeartbeatQueries.everybody()),
        report("HeartbeatQueries.platformBeat", HeartbeatQueries.platformBeat()),
        app("HeartbeatQueries.countJobs", HeartbeatQueries.countJobs(tenant: one.id)),
        app(
            "HeartbeatQueries.makeJob",
            HeartbeatQueries.makeJob(
                tenant: one.id, id: one.job, name: "Backup", everySeconds: 60, graceSeconds: 0, tokenHash: token,
                by: one.person, now: now)),
        app("HeartbeatQueries.rotateJob", HeartbeatQueries.rotateJob(tenant: one.id, id: one.job, tokenHash: token)),
        app("HeartbeatQueries.endJob", HeartbeatQueries.endJob(tenant: one.id, id: one.job, now: now)),
        engine("HeartbeatQueries.ownedLanes", HeartbeatQueries.ownedLanes(now: now)),
    ]
}

extension SampleTenant {
    var heartbeat: HeartbeatID { made(40) }
    var job: HeartbeatID { made(41) }

    var decidedCase: DecidedCases { DecidedCases(tenant: id, objective: "posting", at: Self.now, good: 1, bad: 0) }

    var beat: NewBeat { NewBeat(kind: "worker", subject: "worker", everySeconds: 15, graceSeconds: 45, at: Self.now) }
}
