import Kernel

@testable import Console

extension Samples {
    static func reports(_ brand: Brand) -> ReportsPage {
        ReportsPage(
            frame: frame("Reports", brand, current: "Reports", crumbs: [Crumb(label: "Reports")]),
            head: PageHead(title: "Reports", lead: "What was promised, month by month, and how it went."), column: "Month",
            rows: [
                ReportsPage.Row(
                    status: .needsPerson, state: "waits for a signature", title: "October 2026", href: "/sla-reports/2",
                    second: "SR-2, revision 1, managed-ap 2", commitments: "1 of 2", hasMissed: true, missed: "3",
                    credit: "EUR 96.04"),
                ReportsPage.Row(
                    status: .sealed, state: "sent", title: "September 2026", href: "/sla-reports/1",
                    second: "SR-1, revision 2, managed-ap 2", commitments: "2 of 2", hasMissed: false, missed: "0",
                    credit: "none"),
            ], draft: ReportsPage.Draft(form: form("/sla-reports"), month: "2026-10"))
    }

    static func credits(_ brand: Brand) -> CreditsPage {
        CreditsPage(
            frame: frame("Credits to give", brand, current: "Reports", crumbs: [Crumb(label: "Credits to give")]),
            head: PageHead(
                title: "Credits to give", lead: "1 credit to approve, 1 credit to put on a bill. Oldest first."),
            column: "Tenant",
            rows: [
                CreditsPage.Row(
                    status: .needsPerson, state: "to be approved", title: "Brightwater Foods", href: "/sla-reports/2",
                    second: "CN-4, October 2026, managed-ap", credit: "5 %, EUR 96.04",
                    since: Stamp(iso: "2026-11-02T09:00:00Z", text: "2 Nov 09:00")),
                CreditsPage.Row(
                    status: .needsPerson, state: "to be billed", title: "Kestrel Labs", href: "/sla-reports/1",
                    second: "CN-1, September 2026, managed-ap", credit: "1 %",
                    since: Stamp(iso: "2026-10-02T09:00:00Z", text: "2 Oct 09:00")),
            ])
    }

    static func noCredits(_ brand: Brand) -> CreditsPage {
        CreditsPage(
            frame: frame("Credits", brand, current: "Reports", crumbs: [Crumb(label: "Credits")]),
            head: PageHead(title: "Credits", lead: "What missed commitments have earned, from the signature to the bill."),
            column: "Month", rows: [], empty: EmptyState(why: "No signed report has earned a credit."))
    }

    static func noReports(_ brand: Brand) -> ReportsPage {
        ReportsPage(
            frame: frame("Reports", brand, current: "Reports", crumbs: [Crumb(label: "Reports")]),
            head: PageHead(title: "Reports of October 2026", lead: "1 tenant, 0 reports signed."),
            tabs: [
                Tab(label: "September 2026", href: "/operator/sla-reports?month=2026-09"),
                Tab(label: "October 2026", href: "/operator/sla-reports?month=2026-10", isCurrent: true),
            ], column: "Tenant", rows: [], empty: EmptyState(why: "No month has a report yet."))
    }

    static func report(_ brand: Brand) -> ReportPage {
        ReportPage(
            frame: frame("October 2026, SR-2", brand, current: "Reports", crumbs: [Crumb(label: "Reports")]),
            head: PageHead(
                title: "October 2026, SR-2", pill: StatusText(status: .notStarted, text: "draft"),
                meta: "revision 1, managed-ap 2", actions: [Action(label: "Page", href: "/x/html", icon: .print)]),
            note: "", summary: "In October 2026, 412 of 415 decided cases met their targets. 3 cases ran over.",
            objectives: [
                ReportPage.Objective(
                    name: "Approval cycle", within: "20 h", atLeast: "0.95", cases: "210", met: "207", missed: "3",
                    excluded: "0", share: "98.5 %", status: .done, outcome: "kept"),
                ReportPage.Objective(
                    name: "Posting", within: "2 h", atLeast: "1", cases: "205", met: "205", missed: "0", excluded: "0",
                    share: "100.0 %", status: .done, outcome: "kept"),
            ],
            misses: [
                ReportPage.Miss(
                    key: "c@2026-10-09T14:00:00Z", title: "approval-cycle, run 0f3b21aa", href: "/runs/1",
                    words: "missed 9 Oct 16:00, 22 h 10 m of 20 h", why: "service: 22 h 10 m, outside_service_hours: 3 d",
                    justification: "customer: The approver was away and had named no deputy.", isExcluded: true,
                    form: form("/sla-reports/2/justify"),
                    causes: [
                        ReportPage.Choice(value: "customer", label: "customer", isChosen: true),
                        ReportPage.Choice(value: "staffing", label: "staffing", isChosen: false),
                    ], text: "The approver was away and had named no deputy.", mayExclude: true)
            ], pager: Pager(range: "101 to 101 of 101.", older: "/sla-reports/2?from=0"),
            recommendations: ["Approval cycle was kept with more than half of its allowance used (207 of 210 met)."],
            facts: [
                Fact(label: "Contract", value: "managed-ap 2"), Fact(label: "SHA-256", value: "9f3c41aa07de5b10", isCode: true),
                Fact(label: "Data", value: "417 lines, to compute every figure again", href: "/x/data"),
            ], texts: ReportPage.Texts(form: form("/sla-reports/2/words"), summary: "", recommendations: ""),
            acts: [
                ReportPage.Act(form: form("/sla-reports/2/submit"), label: "Ask for the review", isPrimary: true),
                ReportPage.Act(form: form("/sla-reports/2/amend"), label: "Amend it", asksReason: true),
            ],
            credits: [
                ReportCredit(
                    status: .cancelled, state: "replaced", number: "CN-3", credit: "2 %, EUR 38.42",
                    story: "Proposed by the signature on 2 November 2026, 09:00. A later revision of the report was signed."),
                ReportCredit(
                    status: .needsPerson, state: "to be approved", number: "CN-4", credit: "5 %, EUR 96.04",
                    story: "Proposed by the signature on 4 November 2026, 10:12. Somebody who had no part in the report "
                        + "approves it.", approve: form("/credits/4/approve"), waive: form("/credits/4/waive")),
                ReportCredit(
                    status: .needsPerson, state: "to be billed", number: "CN-5", credit: "1 %",
                    story: "Proposed by the signature on 4 November 2026, 10:12. Approved by Clara Halden on "
                        + "5 November 2026, 08:30.", apply: form("/credits/5/apply")),
            ],
            deliveries: [
                ReportPage.Delivery(
                    status: .done, state: "delivered", address: "controller@meridian.example", answer: "accepted: 250 ok",
                    at: Stamp(iso: "2026-11-02T09:00:00Z", text: "2 Nov 09:00"))
            ])
    }

    /// A document as the server freezes one, in a language; `missed` is how many clocks it lists.
    static func reportDocument(_ language: String, missed: Int = 2) throws -> JSONValue {
        let month: JSONValue = [
            "month": "2026-09",
            "objectives": [["name": "approval-cycle", "title": "Approval cycle", "met": 198, "n": 201]],
        ]
        let breaches = (0..<missed).map { index -> JSONValue in
            let justification: JSONValue =
                index == 0 ? ["cause": "customer", "text": "Prüfer <abwesend> & ohne Vertretung.", "excluded": true] : .null
            return [
                "key": .string("c\(index)@2026-10-09T14:00:00Z"), "clock": .string("c\(index)"),
                "run": .string("0190f0f0-0000-7000-8000-00000000000\(index)"), "objective": "approval-cycle",
                "startedAt": "2026-10-06T06:00:00Z", "dueAt": "2026-10-09T14:00:00Z", "breachedAt": "2026-10-09T14:00:00Z",
                "elapsedSeconds": 79_800, "targetSeconds": 72_000,
                "seconds": [
                    ["reason": "outside_service_hours", "seconds": 180_000], ["reason": "service", "seconds": 79_800],
                    ["reason": "paused: waiting_on_supplier", "seconds": 3600],
                ],
                "trace": [
                    [
                        "from": "2026-10-06T06:00:00Z", "to": "2026-10-06T16:00:00Z", "counted": true, "reason": "service",
                    ],
                    [
                        "from": "2026-10-06T16:00:00Z", "to": "2026-10-07T06:00:00Z", "counted": false,
                        "reason": "outside_service_hours",
                    ],
                ],
                "isTraceCut": false, "justification": justification,
            ]
        }
        return try JSONValue(
            parsing: JSONValue.object([
                "kind": "slaReport", "number": 12, "revision": 2,
                "amends": [
                    "revision": 1, "reason": "One pause was entered late.",
                    "changes": [["place": "/objectives/approval-cycle/missed", "was": 3, "is": 2]],
                ],
                "tenant": "meridian", "tenantName": "Meridian Möbel GmbH", "language": .string(language),
                "contract": "managed-ap", "version": "2", "title": "Managed accounts payable", "month": "2026-10",
                "timezone": "Europe/Berlin", "zoneVersion": "2026a", "from": "2026-09-30T22:00:00Z",
                "to": "2026-10-31T23:00:00Z", "builtAt": "2026-11-02T05:00:00Z",
                "dataHash": .string(String(repeating: "ab", count: 32)), "dataLines": 418,
                "figures": [
                    "objectives": [
                        [
                            "name": "approval-cycle", "title": "Approval cycle", "targetSeconds": 72_000, "atLeast": "0.95",
                            "n": 1210, "met": 1207, "missed": 3, "excluded": 1, "cancelled": 2, "openAtEnd": 4, "kept": true,
                            "creditPercent": "0",
                        ],
                        [
                            "name": "posting", "title": "Posting", "targetSeconds": 7200, "atLeast": "1", "n": 0, "met": 0,
                            "missed": 0, "excluded": 0, "cancelled": 0, "openAtEnd": 0, "kept": .null, "creditPercent": "0",
                        ],
                    ],
                    "availability": [
                        "agreedSeconds": 626_400, "downtimeSeconds": 1800, "excludedSeconds": 7200, "met": false,
                        "creditPercent": "10",
                    ],
                    "incidents": [
                        "n": 2, "bySeverity": ["sev2": 1, "sev3": 1],
                        "response": [
                            "acknowledge": ["n": 2, "excluded": 0, "medianSeconds": 600, "p90Seconds": 1200],
                            "resolve": ["n": 1, "excluded": 1, "medianSeconds": 3600, "p90Seconds": 3600],
                        ],
                    ],
                    "credits": [
                        "earnedPercent": "10", "percent": "8", "isCapped": true, "amount": "1096.04", "currency": "EUR",
                    ],
                ],
                "breaches": .array(breaches), "breachesTotal": .number(JSONNumber(missed)),
                "incidents": [
                    [
                        "kind": "incident", "number": 31, "alert": "erp-down", "severity": "sev2",
                        "openedAt": "2026-10-16T06:30:00Z", "acknowledgedAt": "2026-10-16T06:40:00Z",
                        "resolvedAt": "2026-10-16T07:30:00Z",
                    ],
                    [
                        "kind": "incident", "number": 33, "alert": "sla-breach", "severity": "sev3",
                        "openedAt": "2026-10-20T12:00:00Z", "acknowledgedAt": "2026-10-20T12:20:00Z",
                    ],
                ],
                "trend": [month], "summary": .null, "recommendations": .null,
                "advice": [
                    ["code": "availability-missed", "subject": "", "count": 1800, "of": 626_400],
                    ["code": "unexplained", "subject": "", "count": 1, "of": 0],
                ],
            ]).bytes)
    }
}
