import Kernel
import Postgres

@testable import Records

extension SampleTenant {
    var report: SLAReportID { ID(high: number, low: 30) }
    var delivery: ReportDeliveryID { ID(high: number, low: 31) }

    var reportRow: SLAReportRow {
        SLAReportRow(
            tenant: id, id: report, lane: lane, number: 1, revision: 1, contractAsset: asset, contract: "managed-ap",
            contractVersion: "1", month: "2026-06", language: "en", authors: [person], terms: [:], tally: [:],
            dataHash: Self.hash,
            texts: [:], reason: nil, draftedBy: person, draftedAt: Self.now)
    }

    var deliveryRow: ReportDeliveryRow {
        ReportDeliveryRow(tenant: id, id: delivery, report: report, address: "ines@example.com", decidedAt: Self.now)
    }

    var reportAttempt: ReportAttemptRow {
        ReportAttemptRow(
            tenant: id, delivery: delivery, attempt: 1, at: Self.now, outcome: "accepted", answer: "250", milliseconds: 12)
    }

    var credit: CreditNoteID { ID(high: number, low: 32) }

    var creditRow: CreditNoteRow {
        CreditNoteRow(
            tenant: id, id: credit, number: 1, report: report, contractAsset: asset, contract: "managed-ap", month: "2026-06",
            percent: ExactDecimal(mantissa: 5, scale: 0), amount: nil, involved: [person], proposedAt: Self.now)
    }

    /// A report with a piece of data, a delivery and its try.
    var reportStatements: [SQL] {
        [
            ReportQueries.insert(reportRow),
            ReportQueries.putChunk(tenant: id, report: report, seq: 1, lines: 1, content: "{}\n"),
            ReportQueries.insert(deliveryRow), ReportQueries.insertAttempt(reportAttempt),
            ReportQueries.enqueue(lane: lane, tenant: id, report: report, at: Self.now), CreditNoteQueries.insert(creditRow),
        ]
    }
}

extension RegisteredStatement {
    /// The statements about monthly reports.
    static let reports: [RegisteredStatement] = {
        let row = one.reportRow
        let (tenant, id) = (one.id, one.report)
        let asked: [(String, SQL)] = [
            ("numbering", ReportQueries.numbering(tenant: tenant)), ("lastNumber", ReportQueries.lastNumber(tenant: tenant)),
            ("insert", ReportQueries.insert(row)), ("find", ReportQueries.find(tenant: tenant, id: id)),
            ("lock", ReportQueries.lock(tenant: tenant, id: id)),
            ("revisions", ReportQueries.revisions(tenant: tenant, contract: one.asset, month: "2026-06")),
            ("page", ReportQueries.page(tenant: tenant, before: nil, limit: 5)),
            ("page", ReportQueries.page(tenant: tenant, before: ("2026-06", id), limit: 5)),
            ("earlier", ReportQueries.earlier(tenant: tenant, contract: "managed-ap", before: "2026-06", since: "2025-06")),
            ("contracts", ReportQueries.contracts(tenant: tenant, from: now, to: now)),
            ("readiness", ReportQueries.readiness(tenant: tenant, end: now)),
            ("clockCount", ReportQueries.clockCount(tenant: tenant, before: now)),
            ("frontier", ReportQueries.frontier(tenant: tenant, after: nil, limit: 5)),
            ("frontier", ReportQueries.frontier(tenant: tenant, after: one.clock, limit: 5)),
            (
                "clocks",
                ReportQueries.clocks(tenant: tenant, contract: one.asset, after: nil, through: one.clock, from: now, to: now)
            ),
            (
                "clocks",
                ReportQueries.clocks(
                    tenant: tenant, contract: one.asset, after: one.clock, through: one.clock, from: now, to: now)
            ),
            ("incidents", ReportQueries.incidents(tenant: tenant, from: now, to: now, after: 0, limit: 5)),
            ("putChunk", ReportQueries.putChunk(tenant: tenant, report: id, seq: 2, lines: 1, content: "{}\n")),
            ("chunk", ReportQueries.chunk(tenant: tenant, report: id, seq: 1)),
            ("advance", ReportQueries.advance(row, from: 0)), ("update", ReportQueries.update(row)),
            ("insert", ReportQueries.insert(one.deliveryRow)),
            ("deliveries", ReportQueries.deliveries(tenant: tenant, report: id)),
            ("lockDelivery", ReportQueries.lockDelivery(tenant: tenant, id: one.delivery)),
            ("settle", ReportQueries.settle(one.deliveryRow)), ("insertAttempt", ReportQueries.insertAttempt(one.reportAttempt)),
            ("attempts", ReportQueries.attempts(tenant: tenant, deliveries: [one.delivery])),
            ("enqueue", ReportQueries.enqueue(lane: one.lane, tenant: tenant, report: id, at: now)),
        ]
        let credits: [(String, SQL)] = [
            ("lastNumber", CreditNoteQueries.lastNumber(tenant: tenant)), ("insert", CreditNoteQueries.insert(one.creditRow)),
            ("lock", CreditNoteQueries.lock(tenant: tenant, id: one.credit)),
            ("lockMonth", CreditNoteQueries.lockMonth(tenant: tenant, contract: one.asset, month: "2026-06")),
            ("ofMonth", CreditNoteQueries.ofMonth(tenant: tenant, contract: one.asset, month: "2026-06")),
            ("page", CreditNoteQueries.page(tenant: tenant, before: nil, limit: 5)),
            ("page", CreditNoteQueries.page(tenant: tenant, before: 7, limit: 5)),
            ("update", CreditNoteQueries.update(one.creditRow)),
        ]
        return asked.map { app("ReportQueries.\($0.0)", $0.1) } + credits.map { app("CreditNoteQueries.\($0.0)", $0.1) } + [
            report("CreditNoteQueries.open", CreditNoteQueries.open(limit: 5)),
            report("ReportQueries.portfolio", ReportQueries.portfolio(month: "2026-06", limit: 5)),
            engine("ReportQueries.claim", ReportQueries.claim(now: now, until: now, limit: 5)),
            engine("ReportQueries.hide", ReportQueries.hide(lane: one.lane, id: 1, until: now)),
            engine("ReportQueries.dequeue", ReportQueries.dequeue(lane: one.lane, id: 1)),
        ]
    }()
}
