import Kernel
import Postgres

@testable import Records

/// The statements about status pages.
extension RegisteredStatement {
    static let status: [RegisteredStatement] = [
        gate("StatusQueries.owner", StatusQueries.owner(address: one.statusPage.address)),
        gate("StatusQueries.shown", StatusQueries.shown(limit: 10)),
        app("StatusQueries.page", StatusQueries.page(tenant: one.id)),
        app("StatusQueries.lockPage", StatusQueries.lockPage(tenant: one.id)),
        app("StatusQueries.insert", StatusQueries.insert(one.statusPage)),
        app("StatusQueries.update", StatusQueries.update(one.statusPage, from: 1)),
        app("StatusQueries.components", StatusQueries.components(tenant: one.id)),
        app("StatusQueries.insert", StatusQueries.insert(one.statusComponent)),
        app("StatusQueries.update", StatusQueries.update(one.statusComponent)),
        app("StatusQueries.spans", StatusQueries.spans(tenant: one.id, since: now, limit: 10)),
        app(
            "StatusQueries.look",
            StatusQueries.look(tenant: one.id, component: one.statusComponent.id, state: "operational", at: now, gapSince: now)),
        app("StatusQueries.forget", StatusQueries.forget(tenant: one.id, before: now)),
        app("StatusQueries.insert", StatusQueries.insert(one.statusNotice)),
        app("StatusQueries.update", StatusQueries.update(one.statusNotice)),
        app("StatusQueries.notice", StatusQueries.notice(tenant: one.id, id: one.statusNotice.id)),
        app("StatusQueries.notice", StatusQueries.notice(tenant: one.id, incident: one.incident)),
        app(
            "StatusQueries.notices",
            StatusQueries.notices(
                tenant: one.id, openOnly: true, publishedOnly: true, before: (now, one.statusNotice.id), limit: 10)),
        app("StatusQueries.updates", StatusQueries.updates(tenant: one.id, notices: [one.statusNotice.id], publishedOnly: true)),
        app("StatusQueries.wordings", StatusQueries.wordings(tenant: one.id, notice: one.statusNotice.id)),
        app(
            "StatusQueries.addUpdate",
            StatusQueries.addUpdate(
                tenant: one.id, notice: one.statusNotice.id, number: 1, phase: "identified", by: one.person, at: now,
                publishedAt: now)),
        app(
            "StatusQueries.addWording",
            StatusQueries.addWording(
                tenant: one.id, notice: one.statusNotice.id, number: 1, wording: 1, text: "Late.", by: one.person, at: now)),
        app(
            "StatusQueries.publishUpdate",
            StatusQueries.publishUpdate(tenant: one.id, notice: one.statusNotice.id, number: 1, at: now)),
        app("StatusQueries.openIncidents", StatusQueries.openIncidents(tenant: one.id, limit: 10)),
        app("StatusQueries.ended", StatusQueries.ended(tenant: one.id)),
    ]
}

extension SampleTenant {
    var statusPage: StatusPageRow {
        StatusPageRow(
            tenant: id, address: String(repeating: "\(number % 10)", count: 32), at: Self.now, by: person)
    }

    var statusComponent: StatusComponentRow {
        StatusComponentRow(tenant: id, id: made(70), position: 1, name: "Posting", at: Self.now)
    }

    var statusNotice: StatusNoticeRow {
        StatusNoticeRow(
            tenant: id, id: made(71), kind: "incident", title: "Late", impact: "minor", components: [statusComponent.id],
            incident: nil, at: Self.now, by: person)
    }
}
