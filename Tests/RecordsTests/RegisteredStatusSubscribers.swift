import Kernel
import Postgres

@testable import Records

/// The statements about subscriptions of status pages.
extension RegisteredStatement {
    private static let hash = [UInt8](0..<32)

    static let statusSubscribers: [RegisteredStatement] = [
        gate("StatusSubscriberQueries.owner", StatusSubscriberQueries.owner(tokenHash: hash)),
        gate("StatusSubscriberQueries.owing", StatusSubscriberQueries.owing(now: now, limit: 10)),
        app(
            "StatusSubscriberQueries.find",
            StatusSubscriberQueries.find(tenant: one.id, channel: "mail", fingerprints: ["a", "b"])),
        app("StatusSubscriberQueries.lock", StatusSubscriberQueries.lock(tenant: one.id, id: one.statusSubscriber.id)),
        app("StatusSubscriberQueries.insert", StatusSubscriberQueries.insert(one.statusSubscriber)),
        app("StatusSubscriberQueries.update", StatusSubscriberQueries.update(one.statusSubscriber)),
        app("StatusSubscriberQueries.counts", StatusSubscriberQueries.counts(tenant: one.id, since: now)),
        app(
            "StatusSubscriberQueries.page",
            StatusSubscriberQueries.page(tenant: one.id, before: (now, one.statusSubscriber.id), limit: 10)),
        app(
            "StatusSubscriberQueries.tell",
            StatusSubscriberQueries.tell(
                tenant: one.id, kind: "update", key: "k", notice: one.statusNotice.id, number: 1,
                components: [one.statusComponent.id], knownOnly: true, at: now)),
        app(
            "StatusSubscriberQueries.tell",
            StatusSubscriberQueries.tell(
                tenant: one.id, kind: "reminder", key: "k", notice: one.statusNotice.id, number: nil, components: [],
                knownOnly: false, at: now)),
        app("StatusSubscriberQueries.insert", StatusSubscriberQueries.insert(one.statusDelivery)),
        app("StatusSubscriberQueries.claim", StatusSubscriberQueries.claim(tenant: one.id, now: now, until: now, limit: 4)),
        app(
            "StatusSubscriberQueries.lockDelivery",
            StatusSubscriberQueries.lockDelivery(tenant: one.id, id: one.statusDelivery.id)),
        app("StatusSubscriberQueries.settle", StatusSubscriberQueries.settle(one.statusDelivery)),
        app(
            "StatusSubscriberQueries.withdraw",
            StatusSubscriberQueries.withdraw(tenant: one.id, subscriber: one.statusSubscriber.id, kinds: ["confirm"], at: now)),
        app("StatusSubscriberQueries.insertAttempt", StatusSubscriberQueries.insertAttempt(one.statusAttempt)),
        app(
            "StatusSubscriberQueries.deliveries",
            StatusSubscriberQueries.deliveries(tenant: one.id, before: (now, one.statusDelivery.id), limit: 10)),
        app(
            "StatusSubscriberQueries.attempts",
            StatusSubscriberQueries.attempts(tenant: one.id, deliveries: [one.statusDelivery.id])),
        keeper("KeepingQueries.forgetDeliveries", KeepingQueries.forgetDeliveries(tenant: one.id, before: now, limit: 10)),
        keeper(
            "KeepingQueries.forgetSubscribers",
            KeepingQueries.forgetSubscribers(tenant: one.id, now: now, before: now, limit: 10)),
        engine("PageQueries.waits", PageQueries.waits(now: now)),
    ]
}

extension SampleTenant {
    var statusSubscriber: StatusSubscriberRow {
        var row = StatusSubscriberRow(
            tenant: id, id: made(90), channel: "mail", sealed: [1], fingerprint: "f",
            stopHash: [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: 32), at: Self.now)
        row.state = "active"
        return row
    }

    var statusDelivery: StatusDeliveryRow {
        StatusDeliveryRow(
            tenant: id, id: made(91), subscriber: statusSubscriber.id, kind: "test", key: "test/1", at: Self.now)
    }

    var statusAttempt: StatusAttemptRow {
        StatusAttemptRow(
            tenant: id, delivery: statusDelivery.id, attempt: 1, at: Self.now, outcome: "accepted", code: "250",
            milliseconds: 12)
    }
}
