import Kernel

@testable import Console

extension Samples {
    private static func sheet(_ label: String, _ controls: [StatusDeskPage.Control] = []) -> StatusDeskPage.Sheet {
        StatusDeskPage.Sheet(
            label: label, form: form("/t/brightwater-foods/webhooks"), controls: controls,
            acts: [FieldChoice(value: "act", label: label)])
    }

    static func webhooks(_ brand: Brand) -> WebhooksPage {
        func row(_ name: String, _ status: Status, _ state: String, _ note: String) -> WebhooksPage.Row {
            WebhooksPage.Row(
                name: name, href: "/t/brightwater-foods/webhooks/1",
                address: "https://ledger.brightwater.example/events/countersign",
                status: status, state: state, events: "5 of 16", note: note)
        }
        return WebhooksPage(
            frame: frame("Webhooks", brand, current: "Webhooks", crumbs: [Crumb(label: "Webhooks")]),
            head: PageHead(title: "Webhooks", lead: "Where events are sent."),
            refusal: "An address begins with https://.",
            rows: [
                row("Ledger", .done, "active", "took something at 2026-11-17 14:48 CET"),
                row("Data warehouse", .watch, "failing", "3 failures since 2026-11-17 12:00 CET"),
                row("Old portal", .failed, "turned off: it took nothing", "24 failures since 2026-11-14 09:12 CET"),
                row("Test bench", .notStarted, "paused", "nothing sent yet"),
            ],
            sheets: [
                sheet(
                    "Set one up",
                    [
                        .init(.line, id: "w-name", name: "name", label: "Name"),
                        .init(.check, id: "w-run", name: "event-run.started", label: "A run has started (run.started)"),
                    ])
            ])
    }

    static func noWebhooks(_ brand: Brand) -> WebhooksPage {
        WebhooksPage(
            frame: frame("Webhooks", brand, current: "Webhooks", crumbs: [Crumb(label: "Webhooks")]),
            head: PageHead(title: "Webhooks"), rows: [],
            empty: EmptyState(why: "No system of this tenant's is told of its events."))
    }

    static func webhook(_ brand: Brand) -> WebhookPage {
        let time = Stamp(iso: "2026-11-17T13:48:00Z", text: "2026-11-17 14:48 CET")
        let attempts = [
            WebhookPage.Attempt(time: time, outcome: "500 after 120 ms", answer: "<h1>sorry</h1>"),
            WebhookPage.Attempt(time: time, outcome: "unreached after 8500 ms", answer: "timed-out: nothing came in time"),
        ]
        func delivery(_ type: String, _ status: Status, _ state: String, _ log: [WebhookPage.Attempt]) -> WebhookPage.Delivery {
            WebhookPage.Delivery(
                type: type, subject: "run/01990b6e-2c40-7d11-8a52-6f1de0a90001", id: "01990b6e-2c41-7a03-9d10-2b7c5e110001",
                status: status, state: state, time: time, note: "2 attempts, next at 2026-11-17 15:18 CET", log: log,
                again: state == "queued" ? nil : form("/t/brightwater-foods/webhooks/1/deliveries/1/replay"))
        }
        return WebhookPage(
            frame: frame(
                "Ledger", brand, current: "Webhooks",
                crumbs: [Crumb(label: "Webhooks", href: "/t/brightwater-foods/webhooks"), Crumb(label: "Ledger")]),
            head: PageHead(title: "Ledger"),
            secrets: ShownOnce(
                title: "The secret of Ledger", advice: "It is not shown again.",
                lines: ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYqr"]),
            facts: [
                Fact(label: "State", value: "failing"),
                Fact(label: "Address", value: "https://ledger.brightwater.example/events"),
                Fact(label: "Events", value: "run.started, run.finished, task.opened, task.closed, incident.opened"),
            ], sheets: [sheet("Send a test"), sheet("Renew its secret"), sheet("Pause it")],
            tabs: [
                Tab(label: "All", count: "", href: "?", isCurrent: true),
                Tab(label: "failed", count: "", href: "?state=failed", isCurrent: false),
            ],
            rows: [
                delivery("run.finished", .watch, "queued", attempts), delivery("run.started", .done, "delivered", []),
                delivery("incident.opened", .failed, "failed", attempts),
            ], pager: Pager(range: "3 messages on this page", older: "?cursor=1_2"))
    }
}
