import Kernel

@testable import Console

/// Operations on many runs, and what was given up.
extension Samples {
    static func operations(_ brand: Brand) -> OperationsPage {
        OperationsPage(
            frame: frame("Operations", brand, current: "Operations", crumbs: [Crumb(label: "Operations")], topics: "operations"),
            head: PageHead(title: "Operations", lead: "One act on many runs: shown first, then confirmed."),
            rows: [
                OperationsPage.Row(
                    status: .needsPerson, state: "previewed", title: "Cancel 12 runs", href: "/operations/1",
                    result: "9 would be done, 3 left alone", who: "Ruth Adler", at: stamp("2026-11-17T13:41:00Z")),
                OperationsPage.Row(
                    status: .done, state: "finished", title: "Take over 214 runs to version 1.2", href: "/operations/2",
                    result: "211 done, 1 refused, 2 left alone", who: "Maya Lund", at: stamp("2026-11-16T08:10:00Z")),
            ],
            versions: [
                OperationsPage.Version(
                    workflow: "accounts-payable", version: "1.1", count: "214", oldest: stamp("2026-11-02T09:00:00Z"),
                    migrate: form("/operations"), goals: ["1.2"]),
                OperationsPage.Version(
                    workflow: "payment-release", version: "1.0", count: "6", oldest: stamp("2026-11-15T09:00:00Z")),
            ], ask: form("/operations"), phases: ["running", "waiting", "paused"], workflows: ["accounts-payable"])
    }

    static func emptyOperations(_ brand: Brand) -> OperationsPage {
        OperationsPage(
            frame: frame("Operations", brand, current: "Operations", crumbs: [Crumb(label: "Operations")]),
            head: PageHead(title: "Operations"), rows: [],
            empty: EmptyState(why: "Nothing has been done to many runs at once yet."))
    }

    static func events(_ brand: Brand) -> EventsPage {
        EventsPage(
            frame: frame("Events", brand, current: "Events", crumbs: [Crumb(label: "Events")]),
            head: PageHead(title: "Events", lead: "What runs and other systems told this tenant."),
            tabs: [Tab(label: "Kept", count: "", href: "/events", isCurrent: true)],
            rows: [
                EventsPage.Row(
                    status: .running, state: "kept", type: "bank.paid", source: "/bank", id: "4711", taken: "by nobody yet",
                    received: stamp("2026-11-17T13:41:00Z"), until: stamp("2026-11-18T13:41:00Z")),
                EventsPage.Row(
                    status: .done, state: "consumed", type: "month.closed", source: "/workflows/month-end", id: "7f",
                    href: "/runs/1", taken: "by 1 run", received: stamp("2026-11-16T08:10:00Z"),
                    until: stamp("2026-11-17T08:10:00Z")),
            ])
    }

    static func emptyEvents(_ brand: Brand) -> EventsPage {
        EventsPage(
            frame: frame("Events", brand, current: "Events", crumbs: [Crumb(label: "Events")]), head: PageHead(title: "Events"),
            tabs: [], rows: [], empty: EmptyState(why: "No event waits to be taken."))
    }

    static func operation(_ brand: Brand, isSettled: Bool) -> OperationPage {
        func item(_ status: Status, _ state: String, _ subject: String, _ what: String) -> OperationPage.Item {
            OperationPage.Item(
                status: status, state: state, subject: subject, href: "/runs/\(subject.count)", risk: "standard", what: what)
        }
        return OperationPage(
            frame: frame(
                "Cancel 4 runs", brand, current: "Operations",
                crumbs: [Crumb(label: "Operations", href: "/operations"), Crumb(label: "Cancel 4 runs")]),
            head: PageHead(
                title: "Cancel 4 runs",
                pill: StatusText(status: isSettled ? .done : .needsPerson, text: isSettled ? "finished" : "previewed")),
            figures: [
                Figure(label: isSettled ? "Done" : "Would be done", value: "2", unit: "of 4"),
                Figure(label: "Left alone", value: "1", context: "for the reasons below"),
                Figure(label: "Amounts", value: "14122.60", unit: "EUR", context: "in 3 of these"),
            ],
            facts: [Fact(label: "Asked by", value: "Ruth Adler"), Fact(label: "Reason", value: "Sent twice by the supplier.")],
            risks: [OperationPage.Count(word: "standard", count: "2"), OperationPage.Count(word: "high", count: "1")],
            obstacles: [OperationPage.Count(word: "run.posting", count: "1")],
            items: [
                item(isSettled ? .done : .notStarted, isSettled ? "done" : "shown", "INV 2026-10377", ""),
                item(
                    isSettled ? .failed : .notStarted, isSettled ? "refused" : "shown", "INV 2026-10380",
                    isSettled ? "This run has already ended." : ""),
                item(.notStarted, "left alone", "INV 2026-10391", "The invoice is being posted, so the run cannot be cancelled."),
            ],
            settling: isSettled
                ? nil
                : OperationPage.Settling(
                    confirm: form("/operations/1/confirm"), withdraw: form("/operations/1/withdraw"),
                    hash: "9f2c4e1ab07d55e8c3f1", label: "Cancel 3", until: stamp("2026-11-17T13:56:00Z")))
    }

    static func deadLetters(_ brand: Brand) -> DeadLettersPage {
        func row(_ id: String, _ subject: String, _ code: String, _ answer: String) -> DeadLettersPage.Row {
            DeadLettersPage.Row(
                id: id, title: "Post the bill", subject: subject, href: "/runs/\(id)", code: code, attempts: "6 attempts",
                answer: answer, since: stamp("2026-11-17T12:02:00Z"), retry: form("/dead-letters/\(id)/retry"),
                discard: form("/dead-letters/\(id)/discard"))
        }
        return DeadLettersPage(
            frame: frame(
                "Dead letters", brand, current: "Dead letters", crumbs: [Crumb(label: "Dead letters")], topics: "runs"),
            head: PageHead(title: "Dead letters", lead: "Work whose attempts are used up."),
            causes: [
                DeadLettersPage.Cause(
                    code: "PERIOD_CLOSED", what: "erp.write on business-central", href: "/dead-letters?code=PERIOD_CLOSED",
                    count: "2", oldest: stamp("2026-11-17T11:40:00Z"), kind: "erp.write", connection: "business-central",
                    again: form("/retries"))
            ],
            rows: [
                row("1", "INV 2026-10377, Hartmann Verpackung GmbH", "PERIOD_CLOSED", "The posting period 10/2026 is closed."),
                row("2", "INV 2026-10380, Mill & Grain Ltd", "PERIOD_CLOSED", "The posting period 10/2026 is closed."),
            ], summary: "2 dead letters")
    }
}
