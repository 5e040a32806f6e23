import Kernel

@testable import Console

extension Samples {
    static func fleet(_ brand: Brand) -> FleetPage {
        func links(_ broken: String = "", slow: String = "") -> [FleetPage.LinkTile] {
            [("E", "ERP"), ("B", "Bank"), ("M", "Mail"), ("W", "Worker")].map { letter, name in
                FleetPage.LinkTile(letter: letter, name: name, state: letter == broken ? .broken : letter == slow ? .slow : .fine)
            }
        }
        func row(
            _ name: String, _ partner: String, _ status: Status?, _ state: String, late: String = "", near: String = "",
            broken: String = "",
            slow: String = ""
        ) -> FleetPage.Row {
            FleetPage.Row(
                name: name, href: "/t/\(name.count)", partner: partner, status: status, state: state, runs: "138",
                queue: "18", onPeople: "12", oldest: "3 h 40 m", posted: "212", late: late, near: near,
                links: links(broken, slow: slow))
        }
        func tiles(_ letters: String) -> [FleetPage.MapTile] {
            letters.split(separator: " ").map { word in
                let status: Status? =
                    word.hasSuffix("!") ? .failed : word.hasSuffix("?") ? .inDoubt : word.hasSuffix("~") ? .watch : nil
                let plain = String(status == nil ? word : word.dropLast())
                return FleetPage.MapTile(letters: plain, name: "Tenant \(plain)", href: "/t/\(plain)", status: status)
            }
        }
        return FleetPage(
            frame: operatorFrame(
                "Fleet", brand, current: "Fleet", crumbs: [Crumb(label: "Meridian", href: "/"), Crumb(label: "Fleet")]),
            head: PageHead(title: "Fleet", meta: "22 tenants of 3 partners in 2 regions. Three need someone now."),
            figures: [
                Figure(label: "Runs in motion", value: "1,284", context: "4,911 finished since midnight", href: "/runs"),
                Figure(label: "Waiting on people", value: "217", context: "oldest 5 h 12 m", status: .needsPerson),
                Figure(
                    label: "Service levels, November", value: "2", unit: "breached, 9 at risk",
                    context: "of 6,320 clocks decided",
                    status: .breached),
                Figure(label: "Open incidents", value: "4", unit: "one P1", context: "all acknowledged", status: .failed),
                Figure(label: "Posted and read back", value: "4,914", context: "3 in doubt, 0 lost"),
                Figure(label: "Workers", value: "48", unit: "of 49", context: "one missed 3 heartbeats"),
            ],
            map: [
                FleetPage.MapGroup(partner: "Halden & Price", count: "9", tiles: tiles("BF! KA? PS OH CW TM RS~ LN WY")),
                FleetPage.MapGroup(partner: "Ostwerk Treuhand", count: "8", tiles: tiles("CH~ NL SP HV BR GM EK ZW")),
                FleetPage.MapGroup(partner: "Direct", count: "5", tiles: tiles("SG RW MK TB HL")),
            ], deadlines: deadlines,
            groups: [
                FleetPage.Group(
                    title: "Needs someone now", count: "3",
                    rows: [
                        row(
                            "Brightwater Foods", "Halden & Price", .failed, "ERP circuit open", late: "1 late", near: "2 near",
                            broken: "E"),
                        row("Kestrel Aviation Parts", "Halden & Price", .inDoubt, "2 postings in doubt", near: "1 near"),
                        row("Castellan Hotels", "Ostwerk", .watch, "Approvals ageing", late: "1 late"),
                    ]),
                FleetPage.Group(
                    title: "Watch", count: "1",
                    rows: [row("Fjordline Seafood", "Direct", .watch, "ERP slow, p95 4.2 s", slow: "E")]),
                FleetPage.Group(
                    title: "Healthy", count: "18", rows: [row("Nordlicht Logistik", "Ostwerk", nil, "steady")],
                    more: "and 17 more",
                    moreHref: "/operator?group=healthy"),
            ])
    }

    private static var deadlines: [FleetPage.Deadline] {
        [
            FleetPage.Deadline(
                time: "15:30", title: "Brightwater Foods, approval", detail: "14 invoices held, ERP circuit open",
                amount: "EUR 612,480.00", left: "in 41 m", href: "/incidents/2041", isUrgent: true),
            FleetPage.Deadline(
                time: "16:00", title: "Kestrel Aviation Parts", detail: "6 invoices, 1 of 2 signatures",
                amount: "GBP 88,214.50",
                left: "in 1 h 11 m", href: "/t/ka"),
            FleetPage.Deadline(
                time: "17:00", title: "Vandermeer Bouw", detail: "posted, read back", amount: "EUR 241,006.18",
                left: "in 2 h 11 m",
                href: "/t/vb", isSealed: true),
        ]
    }

    static func emptyFleet(_ brand: Brand) -> FleetPage {
        FleetPage(
            frame: operatorFrame("Fleet", brand, current: "Fleet", crumbs: [Crumb(label: "Fleet")]),
            head: PageHead(title: "Fleet", meta: "No tenants yet."), figures: [], map: [], deadlines: [], groups: [],
            empty: EmptyState(why: "No tenants yet. Point at a folder in Tenants/ with countersign apply."))
    }

    static func runs(_ brand: Brand) -> RunsPage {
        func row(
            _ status: Status, _ state: String, _ number: String, _ party: String, _ step: Int, _ label: String, _ amount: String,
            _ share: Int,
            _ left: String, _ waiting: String, tone: Tone = .quiet, initials: String = ""
        ) -> RunsPage.Row {
            RunsPage.Row(
                id: number, href: "/runs/\(number)", status: status, state: state, number: "INV \(number)", party: party,
                steps: StepStrip(current: step, status: status, label: label), amount: amount,
                clock: ClockBar(countedPermille: share),
                left: left, leftTone: tone, initials: initials, waitingOn: waiting, waitingTone: tone == .bad ? .bad : .quiet,
                started: time.dayAndTime(moment("2026-11-17T08:02:00Z")))
        }
        return RunsPage(
            frame: frame(
                "Runs", brand, current: "Runs", crumbs: [Crumb(label: "Runs")]),
            head: PageHead(
                title: "Runs", actions: [Action(label: "Hand in documents", href: "/documents", icon: .plus, key: "C")]),
            tabs: [
                Tab(label: "In motion", count: "138", href: "/runs", isCurrent: true),
                Tab(label: "Waiting on people", count: "12", href: "/runs?view=people"),
                Tab(label: "Retrying", count: "4", href: "/runs?view=retry"),
                Tab(label: "In doubt", count: "1", href: "/runs?view=doubt"),
                Tab(label: "Finished", count: "8,214", href: "/runs?view=done"),
            ],
            chips: [RunsPage.Chip(field: "Amount", comparison: "at least", value: "EUR 1,000.00", remove: "/runs?")],
            filterAction: "/runs", states: [RunsPage.Choice(value: "failed", label: "Failed")],
            summary: "96 runs, EUR 2,914,077.41",
            starts: StartsChart(
                bars: (0..<84).map { hour in
                    let isDay = (4...8).contains(hour % 12) && hour / 12 != 3
                    return StartsChart.Bar(
                        label: "Nov \(11 + hour / 12), \(hour % 12 * 2):00", finished: isDay ? 20 + hour % 7 : 3,
                        waiting: isDay ? 4 : 0,
                        failed: hour == 21 ? 5 : 0)
                },
                days: ["Wed 11", "Thu 12", "Fri 13", "Sat 14", "Sun 15", "Mon 16", "Tue 17"].enumerated().map {
                    StartsChart.DayMark(index: $0.offset * 12, label: $0.element)
                }),
            rows: [
                row(
                    .failed, "Failed", "2026-10391", "Delmare Fish SA", 6, "post", "EUR 7,204.80", 1100, "late 44 m",
                    "dead letter", tone: .bad),
                row(
                    .inDoubt, "In doubt", "2026-10386", "Hartmann Verpackung", 7, "read back", "EUR 18,960.00", 820, "38 m",
                    "search at 14:52", tone: .warn),
                row(
                    .needsPerson, "Needs a person", "2026-10418", "Hartmann Verpackung", 4, "approve", "EUR 48,310.00", 680,
                    "2 h 13 m", "Petra Lindqvist", initials: "PL"),
                row(
                    .needsPerson, "Exception", "2026-10377", "Verde Produce Srl", 3, "match", "EUR 3,118.64", 550, "5 h 20 m",
                    "Jana Okafor", initials: "JO"),
                row(
                    .retrying, "Retry 3 of 8", "2026-10421", "Baltic Cold Chain", 2, "read order", "EUR 9,402.77", 200,
                    "6 h 18 m", "next try 14:51:20"),
                row(
                    .paused, "Paused", "2026-10344", "Solara Energy BV", 4, "approve", "EUR 640.10", 480, "paused", "supplier"),
                row(
                    .running, "Running", "2026-10430", "Mill & Grain Ltd", 1, "extract", "EUR 2,240.00", 20, "7 h 51 m",
                    "lease 9 s"),
                row(.done, "Posted", "2026-10389", "Alpenmilch eG", 8, "closed", "EUR 4,410.00", 330, "met", "voucher 88214"),
            ], pager: Pager(range: "1 to 50 of 96", older: "/runs?after=1"))
    }

    /// A full page of fifty runs.
    static var longRuns: RunsPage {
        let page = runs(brands[0])
        return RunsPage(
            frame: page.frame, head: page.head, tabs: page.tabs, filterAction: page.filterAction, summary: page.summary,
            rows: (0..<50).map { page.rows[$0 % page.rows.count] }, pager: page.pager)
    }

    static func emptyRuns(_ brand: Brand) -> RunsPage {
        RunsPage(
            frame: frame("Runs", brand, current: "Runs", crumbs: [Crumb(label: "Runs")], isSandbox: true),
            head: PageHead(title: "Runs"),
            tabs: [Tab(label: "In motion", count: "138", href: "/runs", isCurrent: true)], filterAction: "/runs",
            summary: "0 runs", rows: [],
            empty: EmptyState(
                why: "No run matches. 138 do without the amount filter.", act: "Show them without it", href: "/runs"))
    }

    static func exceptions(_ brand: Brand) -> ExceptionsPage {
        func row(
            _ hold: String, _ number: String, _ party: String, _ amount: String, _ owner: String, _ age: String, _ tone: Tone
        ) -> ExceptionsPage.Row {
            ExceptionsPage.Row(
                href: "/exceptions/\(number)", status: .needsPerson, hold: hold, number: number, party: party, amount: amount,
                owner: owner,
                initials: owner == "nobody" ? "" : "JO", age: age, ageTone: tone,
                opened: time.dayAndTime(moment("2026-11-16T15:20:00Z")))
        }
        return ExceptionsPage(
            frame: frame("Exceptions", brand, current: "Exceptions", crumbs: [Crumb(label: "Exceptions")], topics: "exceptions"),
            head: PageHead(title: "Exceptions", meta: "5 open, EUR 31,240.19 held. The oldest is 9 h 40 m of service time."),
            rows: [
                row("Price above order", "INV 2026-10377", "Verde Produce Srl", "EUR 3,118.64", "Jana Okafor", "9 h 40 m", .warn),
                row(
                    "No goods receipt for line 3", "INV 2026-10380", "Mill & Grain Ltd", "GBP 9,912.00", "nobody", "3 h 10 m",
                    .quiet),
                row("Unreadable document", "scan-0042.xml", "unknown", "not known", "nobody", "22 m", .quiet),
            ], pager: Pager(range: "1 to 3 of 3"))
    }

    static func payments(_ brand: Brand) -> PaymentsPage {
        PaymentsPage(
            frame: frame("Payments", brand, current: "Payments", crumbs: [Crumb(label: "Payments")], topics: "runs"),
            head: PageHead(title: "Payments"),
            tabs: [
                Tab(label: "To be asked for", href: "/payments"), Tab(label: "All", href: "/payments?state=all", isCurrent: true),
            ],
            bulk: PaymentsPage.Bulk(form: form("/payments/due"), dueBy: "2026-11-17"),
            rows: [
                PaymentsPage.Row(
                    status: .notStarted, state: "to be asked for", number: "INV 2026-10377", party: "Hartmann Verpackung GmbH",
                    href: "/runs/1", amount: "EUR 4,212.60", due: "2026-11-14", dueTone: .warn,
                    ask: form("/runs/1/payment")),
                PaymentsPage.Row(
                    status: .needsPerson, state: "asked for", number: "INV 2026-10380", party: "Mill & Grain Ltd",
                    href: "/runs/2", amount: "GBP 9,912.00", due: "2026-11-20", run: "/runs/3"),
                PaymentsPage.Row(
                    status: .done, state: "released", number: "INV 2026-10355", party: "Oude Haven Transport BV",
                    href: "/runs/4", amount: "EUR 880.00", due: "2026-11-12", run: "/runs/5"),
                PaymentsPage.Row(
                    status: .cancelled, state: "withheld", number: "INV 2026-10349", party: "Cedar & Pine Ltd",
                    href: "/runs/6", amount: "GBP 312.40", due: "not said", run: "/runs/7", ask: form("/runs/6/payment")),
            ], summary: "4 bills")
    }

    static func documents(_ brand: Brand) -> DocumentsPage {
        func row(_ status: Status, _ state: String, _ file: String, _ reading: String, _ run: String) -> DocumentsPage.Row {
            DocumentsPage.Row(
                status: status, state: state, fileName: file, href: "/documents/\(file)", size: "14 KB", channel: "upload",
                reading: reading,
                run: run.isEmpty ? "" : "/runs/\(run)", runLabel: run, received: stamp("2026-11-17T13:41:00Z"))
        }
        return DocumentsPage(
            frame: frame("Documents", brand, current: "Documents", crumbs: [Crumb(label: "Documents")], topics: "documents"),
            head: PageHead(title: "Documents", meta: "Everything that came in keeps its bytes and their hash."),
            upload: DocumentsPage.Upload(
                form: form("/documents"), accept: ".xml", hint: "UBL or CII invoices as XML, at most 25 MB each."),
            rows: [
                row(.running, "Being read", "hartmann-10430.xml", "not read yet", ""),
                row(.done, "Read", "hartmann-10418.xml", "UBL invoice 2026-10418 of Hartmann Verpackung GmbH", "INV 2026-10418"),
                row(
                    .failed, "Unreadable", "scan-0042.xml", "line 3, column 18: the element Invoice is not closed", "exception 42"
                ),
            ], pager: Pager(range: "1 to 3 of 3"))
    }

    static func workers(_ brand: Brand) -> PlatformPage {
        func worker(_ tenant: String, _ status: Status, _ state: String, _ isolation: String) -> PlatformPage.Worker {
            PlatformPage.Worker(
                tenant: tenant, href: "/t/\(tenant.count)", status: status, state: state,
                process: status == .paused ? "" : "4,211",
                isolation: isolation, isIsolationWeak: isolation == "shared-uid", leased: "3", resident: "11.4 MB",
                heartbeat: "2 s ago",
                restarts: "0")
        }
        return PlatformPage(
            frame: operatorFrame(
                "Workers", brand, current: "Workers", crumbs: [Crumb(label: "Meridian", href: "/"), Crumb(label: "Workers")]),
            head: PageHead(title: "Workers and connections"),
            workers: [
                worker("Brightwater Foods", .running, "At work", "own uid, Landlock"),
                worker("Kestrel Aviation Parts", .failed, "Silent for 94 s", "shared-uid"),
                worker("Vandermeer Bouw", .paused, "Idle, stopped", "own uid, Landlock"),
            ],
            connections: [
                PlatformPage.Connection(
                    tenant: "Brightwater Foods", name: "erp-main", kind: "ERP, generic REST", status: .failed,
                    state: "held back, timed-out, tried again 14:53:20", heard: "14:52:04", budget: "412", limit: "8 a second"),
                PlatformPage.Connection(
                    tenant: "Kestrel Aviation Parts", name: "erp-main", kind: "ERP, OData", status: .done, state: "Answers",
                    heard: "14:52:09", budget: "4,180 of 5,000", isBudgetShort: true, limit: "8 a second"),
            ],
            beats: [
                PlatformPage.Beat(
                    tenant: "Kestrel Aviation Parts", kind: "worker", subject: "worker", status: .failed, state: "missed",
                    age: "1 m 34 s ago", promise: "every 15 s, 45 s of grace"),
                PlatformPage.Beat(
                    kind: "part", subject: "sealer", status: .done, state: "alive", age: "3 s ago",
                    promise: "every 15 s, 1 m of grace"),
                PlatformPage.Beat(
                    tenant: "Brightwater Foods", kind: "job", subject: "Nightly backup", status: .notStarted, state: "awaited",
                    age: "never yet", promise: "every 24 h, 2 h of grace"),
            ], isAllTenants: true)
    }

    static func connections(_ brand: Brand) -> PlatformPage {
        PlatformPage(
            frame: frame("Connections", brand, current: "Connections", crumbs: [Crumb(label: "Connections")]),
            head: PageHead(title: "Connections"),
            workers: [],
            connections: [
                PlatformPage.Connection(
                    name: "erp-main", kind: "ERP, generic REST", status: .done, state: "Answers", heard: "14:52:09",
                    budget: "412", limit: "8 a second")
            ], isAllTenants: false,
            workersEmpty: EmptyState(
                why: "No worker runs: nothing has been asked of it for 10 m. It starts with the next document."))
    }

    static func audit(_ brand: Brand) -> AuditPage {
        func row(_ entry: String, _ actor: String, _ act: String, _ object: String, checkpoint: String = "") -> AuditPage.Row {
            AuditPage.Row(
                entry: entry, time: time.dayAndTime(moment("2026-11-17T09:42:07Z")), actor: actor, act: act, object: object,
                href: "/runs/1",
                hash: "9f3c 41aa", checkpoint: checkpoint, page: "/audit/entries/1")
        }
        return AuditPage(
            frame: frame("Audit", brand, current: "Audit", crumbs: [Crumb(label: "Audit")]),
            head: PageHead(title: "Audit", meta: "48,213 entries since 2 March 2026, none missing."), filterAction: "/audit",
            actor: "Ravi Menon", from: "2026-11-01T00:00:00Z", export: "/audit/proofs?actor=Ravi",
            rows: [
                row("48,213", "Petra Lindqvist", "claimed", "INV 2026-10418"),
                row("48,212", "engine", "asked for a signature", "INV 2026-10418"),
                row(
                    "48,211", "Ravi Menon", "signed", "INV 2026-10418",
                    checkpoint: "Checkpoint 1,902 at 14:45 CET seals the entries below"),
            ], pager: Pager(range: "3 of 48,213", older: "/audit?before=48211"))
    }

    static func policies(_ brand: Brand) -> PoliciesPage {
        func row(_ title: String, _ name: String, _ kind: String, _ version: String, isShown: Bool = false) -> PoliciesPage.Row {
            PoliciesPage.Row(
                title: title, name: name, href: "/policies?policy=\(name)", kind: kind, version: version,
                since: time.dayAndTime(moment("2026-11-02T08:00:00Z")), isShown: isShown)
        }
        return PoliciesPage(
            frame: frame("Policies", brand, current: "Policies", crumbs: [Crumb(label: "Policies")]),
            head: PageHead(
                title: "Policies", lead: "What is decided by rule. Versions never change; a run keeps the one it began with."),
            rows: [
                row("Who signs an invoice", "ap-approval", "approval matrix", "2.0", isShown: true),
                row("How much risk an invoice carries", "ap-route", "decision table", "1.0"),
            ],
            policy: PoliciesPage.Shown(
                title: "Who signs an invoice, version 2.0",
                scale: ReplayScale(unchanged: 812, changed: 141, refused: 0, untold: 47),
                figures: [
                    Figure(label: "Decisions", value: "1,000", context: "on record and looked at"),
                    Figure(label: "Otherwise", value: "141", context: "would be decided differently now", status: .watch),
                    Figure(label: "At stake", value: "98,310.20", unit: "EUR", context: "in 141 of these"),
                ], meaning: ["Band `standard-small`: it ends at 500.00, and did at 1000.00."],
                changes: [PoliciesPage.Change(from: "no signature", to: "1 × approver", count: "141")],
                examples: [
                    PoliciesPage.Example(
                        subject: "INV 2026-10418", href: "/runs/1", counterparty: "Nordlicht Verpackung GmbH",
                        amount: "712.40 EUR",
                        from: "no signature", to: "1 × approver")
                ], untold: ["the new version asks for what the old one did not use: 47"],
                note: "the newest 1,000 recorded decisions, asked again"))
    }
}
