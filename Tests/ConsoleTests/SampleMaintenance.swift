import Kernel

@testable import Console

extension Samples {
    static func maintenance(_ brand: Brand) -> MaintenancePage {
        MaintenancePage(
            frame: frame(
                "Maintenance and corrections", brand, current: "Service levels",
                crumbs: [Crumb(label: "Service levels", href: "/service"), Crumb(label: "Maintenance")]),
            head: PageHead(title: "Maintenance and corrections", lead: "What was announced and how early."),
            tabs: [
                Tab(label: "Clocks", href: "/service"),
                Tab(label: "Maintenance", href: "/service/maintenance", isCurrent: true),
            ],
            windows: [
                .init(
                    title: "Database", status: .notStarted, state: "announced",
                    start: Stamp(iso: "2026-12-05T21:00:00Z", text: "5 Dec 22:00"),
                    end: Stamp(iso: "2026-12-05T23:00:00Z", text: "6 Dec 00:00"), notice: "told 312 h before",
                    by: "for this tenant", cancel: form("/service/maintenance/1/cancel")),
                .init(
                    title: "Network", status: .cancelled, state: "cancelled",
                    start: Stamp(iso: "2026-11-05T21:00:00Z", text: "5 Nov 22:00"),
                    end: Stamp(iso: "2026-11-05T23:00:00Z", text: "6 Nov 00:00"), notice: "told 96 h before",
                    by: "for all tenants of its level", reason: "Not needed"),
            ],
            corrections: [
                .init(
                    href: "/service?clock=1", status: .needsPerson, state: "asked", reason: "The pause was not entered.",
                    before: "breached, 22 h counted", after: "met, 18 h counted", by: "Ruth Adler, 3 Nov 14:02",
                    hash: String(repeating: "9f", count: 32), confirm: form("/service/corrections/1/confirm"),
                    withdraw: form("/service/corrections/1/withdraw"))
            ], announce: form("/service/maintenance"))
    }

    static func noMaintenance(_ brand: Brand) -> MaintenancePage {
        MaintenancePage(
            frame: frame("Maintenance", brand, current: "Service levels", crumbs: [Crumb(label: "Maintenance")]),
            head: PageHead(title: "Maintenance and corrections"), windows: [], corrections: [],
            empty: EmptyState(why: "No maintenance is announced."))
    }
}
