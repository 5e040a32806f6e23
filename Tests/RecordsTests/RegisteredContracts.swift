import Kernel
import Postgres

@testable import Records

/// The statements about contracts.
extension RegisteredStatement {
    static let contracts: [RegisteredStatement] =
        [
            app("ContractQueries.all", ContractQueries.all(tenant: one.id)),
            app("ContractQueries.lock", ContractQueries.lock(tenant: one.id, asset: one.contract)),
            app("ContractQueries.insert", ContractQueries.insert(one.contractRow)),
            app("ContractQueries.update", ContractQueries.update(one.contractRow, from: 1)),
            app("ContractQueries.periods", ContractQueries.periods(tenant: one.id)),
            app("ContractQueries.governing", ContractQueries.governing(tenant: one.id, from: now)),
            app("ContractQueries.sharing", ContractQueries.sharing(one.contractPeriod, tenant: one.id)),
            app("ContractQueries.begin", ContractQueries.begin(one.otherPeriod, tenant: one.id)),
            app("ContractQueries.workflowsInUse", ContractQueries.workflowsInUse(tenant: one.id, since: now)),
            app(
                "ContractQueries.raiseGap",
                ContractQueries.raiseGap(tenant: one.id, workflow: "accounts-payable", now: now, tellBefore: now)),
            app("ContractQueries.clearGaps", ContractQueries.clearGaps(tenant: one.id, besides: ["accounts-payable"])),
            app("MaintenanceQueries.all", MaintenanceQueries.all(tenant: one.id, since: now)),
            app("MaintenanceQueries.between", MaintenanceQueries.between(tenant: one.id, from: now, to: now)),
            app("MaintenanceQueries.lock", MaintenanceQueries.lock(tenant: one.id, id: one.maintenance)),
            app("MaintenanceQueries.insert", MaintenanceQueries.insert(one.maintenanceRow)),
            app("MaintenanceQueries.update", MaintenanceQueries.update(one.maintenanceRow)),
            app("MaintenanceQueries.othersWithOpenClocks", MaintenanceQueries.othersWithOpenClocks(tenant: one.id, limit: 5)),
            app("MaintenanceQueries.runsWithOpenClocks", MaintenanceQueries.runsWithOpenClocks(tenant: one.id, limit: 5)),
            app("CorrectionQueries.all", CorrectionQueries.all(tenant: one.id, clock: nil)),
            app("CorrectionQueries.all", CorrectionQueries.all(tenant: one.id, clock: one.clock)),
            app("CorrectionQueries.find", CorrectionQueries.find(tenant: one.id, id: one.correction)),
            app("CorrectionQueries.insert", CorrectionQueries.insert(one.correctionRow)),
            app(
                "CorrectionQueries.settle",
                CorrectionQueries.settle(tenant: one.id, id: one.correction, as: "confirmed", by: one.person, at: now)),
        ]
        + ContractQueries.cut(tenant: one.id, name: "managed-ap", at: now).map { app("ContractQueries.cut", $0) }
}

extension SampleTenant {
    var contract: AssetID { made(60) }
    var maintenance: MaintenanceID { made(61) }
    var correction: CorrectionID { made(62) }

    var maintenanceRow: MaintenanceRow {
        MaintenanceRow(
            tenant: id, id: maintenance, title: "Database", announcedAt: Self.now, startsAt: Self.now.adding(seconds: 60),
            endsAt: Self.now.adding(seconds: 120), announcedBy: person)
    }

    var correctionRow: CorrectionRow {
        CorrectionRow(
            tenant: id, id: correction, clock: clock, run: run, original: [:], corrected: [:], hash: "ab", reason: "A pause",
            askedBy: person, askedNatural: person, askedAt: Self.now)
    }

    var contractRow: ContractRow {
        ContractRow(
            tenant: id, asset: contract, name: "managed-ap", version: "1", workflow: "",
            hash: String(repeating: "ab", count: 32), draftedAt: Self.now, draftedBy: person)
    }

    /// For another workflow, so that it shares no instant with the one that is there.
    var otherPeriod: ContractPeriodRow {
        ContractPeriodRow(asset: contract, name: "managed-ap", version: "1", workflow: "other", from: Self.now, to: nil)
    }

    var contractPeriod: ContractPeriodRow {
        ContractPeriodRow(asset: contract, name: "managed-ap", version: "1", workflow: "", from: Self.now, to: nil)
    }
}
