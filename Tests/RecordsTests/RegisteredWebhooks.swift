import Kernel
import Postgres

@testable import Records

/// The statements about webhooks of tenants.
extension RegisteredStatement {
    private static let hold = WebhookQueries.hold(tenant: one.id, endpoint: one.webhook.id)

    static let webhooks: [RegisteredStatement] = [
        app("WebhookQueries.all", WebhookQueries.all(tenant: one.id)),
        app("WebhookQueries.find", WebhookQueries.find(tenant: one.id, id: one.webhook.id)),
        engine("WebhookQueries.find", WebhookQueries.find(tenant: one.id, id: one.webhook.id)),
        app("WebhookQueries.lock", WebhookQueries.lock(tenant: one.id, id: one.webhook.id)),
        engine("WebhookQueries.lock", WebhookQueries.lock(tenant: one.id, id: one.webhook.id)),
        app("WebhookQueries.numbering", WebhookQueries.numbering(tenant: one.id)),
        app("WebhookQueries.insert", WebhookQueries.insert(one.webhook)),
        app("WebhookQueries.update", WebhookQueries.update(one.webhook)),
        engine("WebhookQueries.update", WebhookQueries.update(one.webhook)),
        app("WebhookQueries.tell", WebhookQueries.tell([one.webhookFact])),
        engine("WebhookQueries.tell", WebhookQueries.tell([one.webhookFact])),
        app("WebhookQueries.send", WebhookQueries.send(one.webhookFact, to: one.webhook.id)),
        app(
            "WebhookQueries.message",
            WebhookQueries.message(tenant: one.id, endpoint: one.webhook.id, id: one.webhookFact.id)),
        engine(
            "WebhookQueries.lockMessage",
            WebhookQueries.lockMessage(tenant: one.id, endpoint: one.webhook.id, id: one.webhookFact.id)),
        app(
            "WebhookQueries.page",
            WebhookQueries.page(
                tenant: one.id, endpoint: one.webhook.id, state: "failed", before: (now, one.webhookFact.id), limit: 10)),
        app(
            "WebhookQueries.attempts",
            WebhookQueries.attempts(tenant: one.id, endpoint: one.webhook.id, messages: [one.webhookFact.id])),
        app("WebhookQueries.count", WebhookQueries.count(tenant: one.id, endpoint: one.webhook.id, from: now, to: now)),
        app(
            "WebhookQueries.replay",
            WebhookQueries.replay(
                tenant: one.id, endpoint: one.webhook.id, from: now, to: now, states: ["held"], now: now, limit: 10)),
        app(
            "WebhookQueries.replayOne",
            WebhookQueries.replayOne(tenant: one.id, endpoint: one.webhook.id, id: one.webhookFact.id, now: now)),
        app("WebhookQueries.hold", hold[0]), app("WebhookQueries.hold", hold[1]),
        engine("WebhookQueries.hold", hold[0]), engine("WebhookQueries.hold", hold[1]),
        app("WebhookQueries.prune", WebhookQueries.prune(tenant: one.id, before: now, limit: 10)),
        engine(
            "WebhookQueries.claim",
            WebhookQueries.claim(
                now: now, until: now, perEndpoint: 2, perTenant: 4,
                open: [(tenant: one.id, endpoint: one.webhook.id, count: 1)], limit: 10)),
        engine("WebhookQueries.settle", WebhookQueries.settle(WebhookMessageRow(one.webhookFact, to: one.webhook.id))),
        engine("WebhookQueries.insertAttempt", WebhookQueries.insertAttempt(lane: 1, one.webhookAttempt)),
        engine(
            "WebhookQueries.postpone",
            WebhookQueries.postpone(endpoint: one.webhook.id, message: one.webhookFact.id, until: now)),
        engine("WebhookQueries.dequeue", WebhookQueries.dequeue(endpoint: one.webhook.id, message: one.webhookFact.id)),
    ]
}

extension SampleTenant {
    var webhook: WebhookRow {
        WebhookRow(
            tenant: id, id: made(110), lane: lane, name: "Ledger", url: "https://ledger.example/in", events: ["run.finished"],
            secret: [1], madeBy: person, madeAt: Self.now)
    }

    var webhookFact: WebhookFact {
        WebhookFact(
            tenant: id, id: made(111), lane: lane, sequence: 1, type: "run.finished", subject: "run/1", at: Self.now,
            data: ["outcome": "approve"])
    }

    var webhookAttempt: WebhookAttemptRow {
        WebhookAttemptRow(
            tenant: id, endpoint: webhook.id, message: webhookFact.id, attempt: 1, at: Self.now, outcome: "failed", status: 500,
            milliseconds: 12, answer: "no")
    }
}
