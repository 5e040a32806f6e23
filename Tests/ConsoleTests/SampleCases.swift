import Kernel

@testable import Console

extension Samples {
    static func run(_ brand: Brand) -> RunPage {
        let signed = [
            Signature(state: .signed, name: "Ravi Menon", lines: ["10:42"]),
            Signature(state: .yours, name: "Petra Lindqvist", lines: ["open"]),
        ]
        func node(
            _ id: String, _ title: String, _ fact: String, _ status: Status, _ column: Int, row: Int = 0, gate: Bool = false
        ) -> DiagramModel.Node {
            DiagramModel.Node(
                id: id, title: title, fact: fact, status: status, column: column, row: row, isGate: gate,
                signatures: gate ? signed : [],
                href: "#step-\(id)")
        }
        return RunPage(
            frame: frame(
                "INV 2026-10418", brand, current: "Runs",
                crumbs: [Crumb(label: "Runs", href: "/runs"), Crumb(label: "INV 2026-10418")]),
            head: PageHead(
                title: "INV 2026-10418, Hartmann Verpackung GmbH", pill: StatusText(status: .needsPerson, text: "Needs a person"),
                meta: "Invoice to pay, version 14",
                actions: [
                    Action(label: "Proof", href: "/runs/1/proof", icon: .download, key: "D", isDownload: true),
                    Action(label: "Open decision", href: "/inbox/1", key: "O", isPrimary: true),
                ]),
            figures: [
                Figure(label: "Amount", value: "EUR 48,310.00", context: "net 40,596.64, VAT 19 %"),
                Figure(
                    label: "Approval clock", value: "2 h 13 m", unit: "left", context: "4 h 47 m of 7 h counted",
                    href: "/service#clock",
                    bar: ClockBar(countedPermille: 683)),
                Figure(label: "Due", value: "17:02", unit: "CET today", context: "contract v3, Berlin calendar"),
                Figure(label: "Age", value: "5 h 47 m", context: "4 h 47 m of service time"),
                Figure(label: "Started by", value: "Upload", context: "run 01JCW8-4T7Q"),
            ],
            diagram: DiagramModel(
                nodes: [
                    node("intake", "Intake", "upload, 0.8 s", .done, 0), node("extract", "Extract", "UBL, 3.1 s", .done, 1),
                    node("decide", "Decide", "rule 7 of 22", .done, 2),
                    node("match", "Match 3-way", "38 m, 4 attempts", .done, 3),
                    node("duplicates", "Duplicates", "0 of 41 near", .done, 3, row: 1),
                    node("approve", "Approve", "claimed 14:31, due 17:02", .needsPerson, 4, gate: true),
                    node("post", "Post", "ERP, key ready", .notStarted, 5), node("close", "Close", "", .notStarted, 6),
                ],
                edges: [
                    ("intake", "extract"), ("extract", "decide"), ("decide", "match"), ("decide", "duplicates"),
                    ("match", "approve"),
                    ("duplicates", "approve"), ("approve", "post"), ("post", "close"),
                ].map { DiagramModel.Edge(from: $0.0, to: $0.1) }), timeline: timeline,
            events: [
                RunPage.Event(time: stamp("2026-11-17T08:02:11Z"), step: "Intake", summary: "Document stored"),
                RunPage.Event(time: stamp("2026-11-17T09:42:07Z"), step: "Approve", summary: "Signed by Ravi Menon"),
            ], eventCount: "64", json: "/runs/1.json",
            panels: [
                RunPage.DataPanel(
                    title: "Approve, signature 2", step: "step 7",
                    rows: [
                        RunPage.DataRow(label: "Supplier", value: "V-2207", origin: .engine),
                        RunPage.DataRow(label: "Gross", value: "EUR 48,310.00", origin: .attested),
                        RunPage.DataRow(label: "Pay to", value: "DE16 … 0418 06", origin: .untrusted),
                    ], objectHash: "9f3c 41aa 07de 5b10", note: "A change to any value voids both signatures.")
            ],
            receipts: [
                RunPage.ReceiptLine(
                    act: "Signed by Ravi Menon", detail: "17 Nov 10:42:07, entry 48,211", reason: "Price agreed by phone."),
                RunPage.ReceiptLine(act: "Policy decided: two signatures", detail: "17 Nov 09:02:15, matrix AP 14, entry 48,150"),
            ], sealed: "Sealed in checkpoint 1,902 at 14:45 CET",
            related: [
                RunPage.Related(label: "Order 4500-2291", href: "/t/kestrel/runs/1", status: .done, detail: "read at 09:40")
            ])
    }

    static var timeline: Timeline {
        func at(_ clock: String) -> Moment { moment("2026-11-17T\(clock)Z") }
        func step(
            _ id: String, _ title: String, _ note: String, _ status: Status, _ from: String, _ to: String?, level: Int = 0,
            backoff: String? = nil
        ) -> TimelineStep {
            TimelineStep(
                id: "step-\(id)", title: title, note: note, status: status, level: level, start: at(from), end: to.map(at),
                backoffUntil: backoff.map(at))
        }
        return Timeline(
            steps: [
                step("intake", "Intake", "upload by Tom Adeyemi", .done, "08:02:10", "08:02:11"),
                step("extract", "Extract", "UBL, 12 fields attested", .done, "08:02:12", "08:02:15"),
                step("decide", "Decide", "matrix AP 14, rule 7: two signatures", .done, "08:02:15", "08:02:16"),
                step("match", "Match 3-way", "within tolerance, 4 lines", .done, "08:02:16", "08:40:20"),
                step("match-1", "attempt 1", "503 after 0.8 s", .failed, "08:02:16", "08:02:17", level: 1, backoff: "08:06:00"),
                step(
                    "match-2", "attempt 2", "no answer in 30 s, read again", .inDoubt, "08:06:00", "08:06:30", level: 1,
                    backoff: "08:38:00"),
                step("match-3", "attempt 3", "purchase order 4500-2291", .done, "08:38:00", "08:40:20", level: 1),
                step("duplicates", "Duplicates", "nearest INV 2026-09977, 0.21", .done, "08:02:16", "08:02:18"),
                TimelineStep(
                    id: "step-approve", title: "Approve", note: "gate, 2 signatures", status: .needsPerson, start: at("08:40:21"),
                    deadline: at("14:40:00"), deadlineLabel: "escalates"),
                step("sign-1", "signature 1, Ravi Menon", "controller", .sealed, "09:20:00", "09:42:07", level: 1),
                TimelineStep(
                    id: "step-sign-2", title: "signature 2, Petra Lindqvist", note: "for Maren Holt", status: .needsPerson,
                    level: 1,
                    start: at("13:31:00"), isCurrent: true),
                TimelineStep(id: "step-post", title: "Post to ERP", note: "key inv-10418 ready", status: .notStarted),
                TimelineStep(id: "step-close", title: "Close", status: .notStarted),
            ], closed: [at("11:00:00")..<at("12:00:00")], time: time)
    }

    static func list(current: Bool, title: String = "Inbox") -> InboxList {
        func item(
            _ status: Status, _ title: String, _ amount: String, _ note: String, _ left: String, tone: Tone = .quiet,
            isCurrent: Bool = false
        ) -> InboxList.Item {
            InboxList.Item(
                href: "/inbox/\(title.count)\(amount.count)", status: status, title: title, amount: amount, note: note,
                left: left,
                leftTone: tone, isCurrent: isCurrent)
        }
        return InboxList(
            title: title, summary: "12 open, EUR 214,380.27",
            tabs: [Tab(label: "Mine and groups", href: "/inbox", isCurrent: true), Tab(label: "Only mine", href: "/inbox?mine")],
            groups: [
                InboxList.Group(
                    title: "Claimed by you",
                    items: [
                        item(
                            .needsPerson, "Hartmann Verpackung GmbH", "EUR 48,310.00", "Price 4.7 % over order, line 2",
                            "2 h 13 m", isCurrent: current)
                    ]),
                InboxList.Group(
                    title: "Due today",
                    items: [
                        item(.breached, "Delmare Fish SA", "EUR 7,204.80", "Dead letter, replay asked", "late 44 m", tone: .bad),
                        item(.watch, "Alpenmilch eG", "EUR 18,960.00", "Above your usual amount", "41 m", tone: .warn),
                        item(.needsPerson, "Kühlhaus Nord KG", "EUR 12,480.00", "Within tolerance", "2 h 52 m"),
                    ]),
                InboxList.Group(
                    title: "Tomorrow and later",
                    items: [item(.paused, "Solara Energy BV", "EUR 64,020.10", "Paused, waiting on supplier", "paused")]),
            ])
    }

    static func inbox(_ brand: Brand) -> InboxPage {
        InboxPage(
            frame: frame(
                "Inbox", brand, current: "Inbox", crumbs: [Crumb(label: "Inbox")], topics: "inbox",
                receipt: Receipt(
                    act: "Signed: INV 2026-10402", person: "Petra Lindqvist", time: stamp("2026-11-17T13:48:40Z"),
                    entry: "48,214",
                    hash: "51e0 9ac4 77b2 d03f")), list: list(current: false),
            empty: EmptyState(why: "Open a decision on the left. The most urgent is at the top."))
    }

    static func emptyInbox(_ brand: Brand) -> InboxPage {
        InboxPage(
            frame: frame(
                "Inbox", brand, current: "Inbox", crumbs: [Crumb(label: "Inbox")],
                notice: Notice(
                    tone: .warn, text: "Someone signed first, at 14:52:10.", detail: "Your decision was not recorded.",
                    reference: "7Q2-KD4")),
            list: InboxList(title: "Inbox", summary: "0 open", groups: []),
            empty: EmptyState(
                why: "Nothing waits for you. 3 decisions wait for your group.", act: "Show them", href: "/inbox?group"))
    }

    static func decision(_ brand: Brand) -> InboxPage { openDecision(brand, blocked: "") }

    static func blockedDecision(_ brand: Brand) -> InboxPage {
        openDecision(brand, blocked: "You entered this invoice, so someone else has to approve it (pair 17). Ravi Menon may.")
    }

    static func openDecision(_ brand: Brand, blocked: String) -> InboxPage {
        InboxPage(
            frame: frame(
                "Decide INV 2026-10418", brand, current: "Inbox",
                crumbs: [Crumb(label: "Inbox", href: "/inbox"), Crumb(label: "INV 2026-10418")],
                topics: "inbox"), list: list(current: true),
            decision: DecisionCard(
                kicker: "Invoice, signature 2 of 2 as treasurer", amount: "EUR 48,310.00", party: "Hartmann Verpackung GmbH",
                account: "DE16 … 0418 06", run: "/runs/1",
                actingFor: Markup(emphasis: "You decide **for Maren Holt** until 30 November, up to EUR 50,000.00."),
                why: Markup(
                    emphasis:
                        "Line 2 is **4.7 % over the order price**. Policy AP 14 lets up to 5.0 % pass with a second signature."),
                differences: [differences],
                checks: [
                    Check(status: .done, text: "Not a duplicate, nearest 0.21"),
                    Check(status: .done, text: "Duties separate, both persons"),
                    Check(status: .done, text: "Account unchanged since 2023"),
                    Check(status: .watch, text: "Line 3 not checked: no receipt yet"),
                ],
                suggestion: Suggestion(
                    act: "approve", summary: "0.82 sure, and one reason against",
                    arguments: [
                        Fact(
                            label: "For",
                            value: "31 of 38 invoices from this supplier came 3 to 5 % over and were approved by a person."),
                        Fact(
                            label: "Against", value: "The price of 9.40 was agreed anew on 2 November.", href: "/t/kestrel/runs/1"
                        ),
                        Fact(label: "Else", value: "ask the supplier 0.13, reject 0.05"),
                    ]),
                signatures: [
                    Signature(state: .signed, name: "Ravi Menon", lines: ["controller, 10:42:07", "receipt 48,211"]),
                    blocked.isEmpty
                        ? Signature(state: .yours, name: "Your signature", lines: ["treasurer, for Maren Holt"])
                        : Signature(state: .open, name: "Treasurer", lines: ["asked 09:42, open"]),
                ], consequence: "If you approve: nothing else is needed. It posts to the ERP at once.",
                form: form("/inbox/1/decision"),
                objectHash: "9f3c41aa07de5b10", blocked: blocked,
                claim: ClaimForm(form: form("/inbox/1/claim"), label: "Release claim")),
            evidence: evidence)
    }

    static var differences: DifferenceTable {
        func cells(_ texts: [String], strong: Int = -1) -> [DifferenceTable.Cell] {
            texts.enumerated().map {
                DifferenceTable.Cell(text: $0.element, isStrong: $0.offset >= 2 && strong >= 0, isQuiet: $0.element == "none")
            }
        }
        return DifferenceTable(
            caption: "Line 2, Stretch film 23 µ", columns: ["Order", "Received", "Invoice", "Difference"],
            rows: [
                DifferenceTable.Row(label: "Quantity", cells: cells(["1,200", "1,200", "1,200", "0"])),
                DifferenceTable.Row(
                    label: "Price, EUR", cells: cells(["9.40", "none", "9.84", "+ 0.44"], strong: 2), isDifferent: true),
                DifferenceTable.Row(label: "Value, EUR", cells: cells(["11,280.00", "none", "11,808.00", "+ 528.00"])),
            ])
    }

    static var evidence: EvidencePane {
        func line(_ number: String, _ article: String, _ quantity: String, _ price: String, _ amount: String) -> DrawnInvoice.Line
        {
            let isMarked = number == "2"
            return DrawnInvoice.Line(
                number: number, article: article, quantity: PaperField(text: quantity),
                price: PaperField(text: price, mark: isMarked ? .deviation : .none), amount: PaperField(text: amount),
                isMarked: isMarked)
        }
        return EvidencePane(
            tabs: [
                Tab(label: "Invoice", href: "/inbox/1", isCurrent: true), Tab(label: "Order", href: "/inbox/1?evidence=order"),
                Tab(label: "Receipt", href: "/inbox/1?evidence=receipt"),
                Tab(label: "History", count: "38", href: "/inbox/1?evidence=history"),
            ],
            invoice: DrawnInvoice(
                seller: "Hartmann Verpackung GmbH", sellerLines: ["Industriestr. 18, 34123 Kassel", "VAT DE 811 204 551"],
                buyerLines: ["Brightwater Foods Ltd", "Accounts payable", "Speicherstr. 4, 20457 Hamburg"], kind: "Invoice",
                number: PaperField(text: "2026-10418", mark: .field),
                facts: [
                    PaperField(text: "14.11.2026", label: "Date"), PaperField(text: "4500-2291", label: "Order", mark: .field),
                    PaperField(text: "88120", label: "Delivery note"),
                ],
                lines: [
                    line("1", "Folding carton 400 × 300", "24.000", "0,58", "13.920,00"),
                    line("2", "Stretch film 23 µ", "1.200", "9,84", "11.808,00"),
                    line("3", "Edge guard L 50", "8.000", "1,11", "8.880,00"),
                    line("4", "Pallet box 800", "112", "53,47", "5.988,64"),
                ],
                totals: [
                    DrawnInvoice.Total(label: "Net", value: PaperField(text: "40.596,64")),
                    DrawnInvoice.Total(label: "VAT 19 %", value: PaperField(text: "7.713,36")),
                    DrawnInvoice.Total(label: "Total EUR", value: PaperField(text: "48.310,00", mark: .field), isFinal: true),
                ],
                payment: [
                    PaperField(text: "14.12.2026", label: "Payable by"),
                    PaperField(text: "DE16 5004 0000 0620 0418 06", label: "to", mark: .field),
                ]), storedHash: "77e0 b2c4", shownHash: "9f3c 41aa", original: "/documents/1/original")
    }

    static func exception(_ brand: Brand) -> InboxPage {
        InboxPage(
            frame: frame(
                "Exception INV 2026-10377", brand, current: "Exceptions",
                crumbs: [Crumb(label: "Exceptions", href: "/exceptions"), Crumb(label: "INV 2026-10377")], topics: "exceptions"),
            list: list(current: false, title: "Exceptions"),
            exception: ExceptionCard(
                kicker: "Price hold, line 2", title: "The price is above the order", amount: "EUR 11,808.00",
                party: "Verde Produce Srl", run: "/runs/2",
                age: "open 3 h 10 m of service time, with Jana Okafor",
                why: Markup(
                    emphasis:
                        "Line 2 is **7.4 % over the order price**. The tolerance is 5.0 %, so nobody may pay it as it is."
                ),
                differences: [differences], checks: [Check(status: .done, text: "Lines 1, 3, 4 match")],
                findings: [Fact(label: "BR-CO-10", value: "The sum of line amounts agrees with the document.")],
                resolutions: [
                    ExceptionCard.Resolution(
                        value: "accept", label: "Accept the difference",
                        consequence: "Posts EUR 11,808.00, 528.00 above the order, after two signatures."),
                    ExceptionCard.Resolution(
                        value: "credit", label: "Request a credit note",
                        consequence: "Pauses the clock until the supplier answers. Posts nothing."),
                    ExceptionCard.Resolution(
                        value: "return", label: "Return the invoice",
                        consequence: "Ends the run. The supplier has to send it anew."),
                    ExceptionCard.Resolution(
                        value: "correct", label: "Correct the order", consequence: "Reads the order again.",
                        blocked: "Purchasing may, Jana Okafor is not in it."),
                ], form: form("/exceptions/2"), objectHash: "9f3c41aa07de5b10",
                claim: ClaimForm(form: form("/exceptions/2/claim"), label: "Claim")),
            evidence: EvidencePane(
                tabs: [
                    Tab(label: "Invoice", href: "/exceptions/2"),
                    Tab(label: "Order", href: "/exceptions/2?evidence=order", isCurrent: true),
                ],
                table: EvidenceTable(
                    caption: "Order 4500-2291 as the ERP had it at 09:40",
                    columns: ["Line", "Article", "Quantity", "Price, EUR"],
                    rows: [
                        EvidenceTable.Row(cells: ["1", "Folding carton 400 × 300", "24,000", "0.58"]),
                        EvidenceTable.Row(cells: ["2", "Stretch film 23 µ", "1,200", "9.40"]),
                    ]), storedHash: "77e0 b2c4", shownHash: "9f3c 41aa"))
    }

    static func service(_ brand: Brand) -> ServicePage {
        func segment(
            _ kind: ClockGauge.Kind, _ from: String, _ to: String, _ seconds: Int64, _ label: String, _ rule: String
        ) -> ClockGauge.Segment {
            ClockGauge.Segment(kind: kind, from: from, to: to, seconds: seconds, label: label, rule: rule)
        }
        func objective(_ name: String, _ missed: String, _ result: String, _ isMissed: Bool) -> ServicePage.Objective {
            ServicePage.Objective(
                name: name, within: "7 h", atLeast: "98.00 %", cases: "112", met: "109", missed: missed, hasMissed: isMissed,
                excluded: "2",
                result: result, status: isMissed ? .breached : .done, outcome: isMissed ? "Missed" : "Met")
        }
        return ServicePage(
            frame: frame("Service", brand, current: "Service", crumbs: [Crumb(label: "Service")], topics: "clocks"),
            head: PageHead(
                title: "Service, November 2026",
                lead:
                    "One of two commitments is met so far. Approval of priority invoices is not: 3 of 112 ran over."
            ),
            figures: [
                Figure(label: "Commitments", value: "1", unit: "of 2 met", context: "October: 2 of 2", status: .breached),
                Figure(label: "Clocks decided", value: "4,016", context: "17 excluded, each with its rule"),
                Figure(label: "Running now", value: "138", context: "9 near, 1 late", status: .watch),
                Figure(label: "Incidents", value: "2", unit: "P2", context: "longest 1 h 38 m"),
            ],
            objectives: [
                objective("Approval cycle, priority", "3", "97.32 %", true),
                objective("Posting confirmed", "0", "100.00 %", false),
            ],
            gauges: [
                ClockGauge(
                    title: "Why INV 2026-09713 ran over", position: "1 of 3",
                    segments: [
                        segment(.counted, "Tue 6 Oct 15:10", "Tue 6 Oct 18:00", 10_200, "2 h 50 m", "calendar DE-HH, revision 4"),
                        segment(.closed, "18:00", "Wed 7 Oct 08:30", 52_200, "closed", "calendar DE-HH, revision 4"),
                        segment(.counted, "Wed 08:30", "12:00", 12_600, "3 h 30 m", "calendar DE-HH, revision 4"),
                        segment(.closed, "12:00", "13:00", 3600, "closed", "calendar DE-HH, revision 4"),
                        segment(.paused, "13:00", "15:30", 9000, "paused, supplier 2 h 30 m", "contract § 4.2"),
                        segment(.counted, "15:30", "16:10", 2400, "40 m", "calendar DE-HH, revision 4"),
                        segment(.over, "16:10", "16:52", 2520, "over 42 m", "objective approval-cycle, 7 h"),
                    ], due: "due 16:10", end: "16:52",
                    facts: [
                        Fact(label: "Counted", value: "7 h 42 m of 7 h"),
                        Fact(label: "Cause", value: "no second treasurer present, code P-04"),
                    ])
            ],
            running: [
                ServicePage.Running(
                    objective: "Approval cycle, priority", subject: "INV 2026-10391", href: "/runs/1",
                    bar: ClockBar(countedPermille: 1105),
                    counted: "7 h 44 m", left: "late 44 m", leftTone: .bad, due: stamp("2026-11-17T13:04:00Z"),
                    state: StatusText(status: .breached, text: "Late")),
                ServicePage.Running(
                    objective: "First answer to incidents", subject: "INC-41, The ERP of Brightwater does not answer",
                    href: "/service?clock=3", bar: ClockBar(countedPermille: 300), counted: "18 m", left: "42 m",
                    due: stamp("2026-11-17T14:12:00Z"), state: StatusText(status: .running, text: "Counting")),
                ServicePage.Running(
                    objective: "Approval cycle, priority", subject: "INV 2026-10418", href: "/runs/2",
                    bar: ClockBar(countedPermille: 683),
                    counted: "4 h 47 m", left: "2 h 13 m", due: stamp("2026-11-17T16:02:00Z"),
                    state: StatusText(status: .running, text: "Counting")),
            ],
            contract: [
                Fact(label: "Contract", value: "BF-2026, version 3"),
                Fact(label: "Service hours", value: "Mon to Fri 08:30 to 18:00, Europe/Berlin"),
                Fact(label: "Hash", value: "51e0 9ac4 77b2 d03f", isCode: true),
            ])
    }

    static func incidents(_ brand: Brand) -> IncidentsPage {
        func row(
            _ number: String, _ title: String, _ status: Status, _ state: String, _ canAcknowledge: Bool
        ) -> IncidentsPage.Row {
            IncidentsPage.Row(
                href: "/incidents/\(number)", number: number, title: title, tenant: "Brightwater Foods", priority: "P1",
                status: status, state: state,
                clock: "41 m 10 s", clockTone: canAcknowledge ? .bad : .quiet,
                who: canAcknowledge ? "nobody yet" : "Lukas Brandt",
                opened: stamp("2026-11-17T13:07:33Z"),
                acknowledge: canAcknowledge ? form("/incidents/\(number)/acknowledge") : nil)
        }
        return IncidentsPage(
            frame: operatorFrame("Incidents", brand, current: "Incidents", crumbs: [Crumb(label: "Incidents")]),
            head: PageHead(title: "Incidents", meta: "4 open, one P1."),
            stops: [
                IncidentsPage.Stop(
                    title: "erp", reason: "Their upgrade went wrong.", who: "Tomas Reyl",
                    since: time.dayAndTime(moment("2026-11-17T13:41:00Z")), release: form("/incidents/stops/1/release"))
            ],
            figures: [
                Figure(
                    label: "To acknowledge", value: "3 m 12 s",
                    context: "median of 41 in 90 days, nine of ten in 14 m 2 s, 1 not yet"),
                Figure(label: "To resolve", value: "52 m", context: "median of 38 in 90 days, nine of ten in 6 h, 4 not yet"),
            ],
            groups: [
                IncidentsPage.Group(
                    title: "Triggered", count: "1",
                    rows: [row("INC-2042", "Dead letter: posting refused by the ERP", .failed, "Triggered", true)]),
                IncidentsPage.Group(
                    title: "Acknowledged", count: "1",
                    rows: [row("INC-2041", "ERP circuit open", .running, "Acknowledged", false)]),
                IncidentsPage.Group(
                    title: "Resolved", count: "1", rows: [row("INC-2040", "Approval clock over target", .done, "Resolved", false)]
                ),
            ])
    }

    static func incident(_ brand: Brand) -> IncidentPage {
        IncidentPage(
            frame: operatorFrame(
                "INC-2041", brand, current: "Incidents",
                crumbs: [Crumb(label: "Incidents", href: "/incidents"), Crumb(label: "INC-2041")]),
            head: PageHead(
                title: "Approvals at risk: ERP circuit open", pill: StatusText(status: .failed, text: "P1, acknowledged"),
                meta: "Brightwater Foods, Halden & Price"),
            figures: [
                Figure(
                    label: "Nearest deadline", value: "41 m 10 s", context: "approval, 15:30 CET", status: .failed,
                    isAlarming: true),
                Figure(label: "Held", value: "14", unit: "invoices", context: "EUR 612,480.00, none lost"),
                Figure(label: "Response", value: "3 m 12 s", context: "within 15 m", status: .done),
                Figure(
                    label: "Resolution", value: "41 m", unit: "of 4 h", context: "18:07", bar: ClockBar(countedPermille: 171)),
            ],
            facts: [
                Fact(label: "Alert", value: "ErpCircuitOpen", isCode: true),
                Fact(label: "Connection", value: "erp-main", href: "/connections"),
            ],
            runbook: IncidentPage.RunbookPanel(
                name: "ErpCircuitOpen", meta: "owner Treasury Operations, reviewed 29 October",
                body: Markdown.html(
                    """
                    ## When this fires
                    The ERP refused or did not answer **five times** in 60 s, so `erp-main` takes no more work.

                    ## Steps
                    1. List what is held. Nothing is lost: every invoice waits in its run.
                    2. Read the ERP's own notices at [the status page](https://status.example).
                       - If it says maintenance, tell the tenant.
                    3. Probe the connection with `countersign connection probe erp-main`.
                    4. Let the circuit close. It sends one request first.

                    ```
                    countersign get runs --state retrying
                    ```

                    > A runbook never releases money.
                    """, topLevel: 3), overdue: "This runbook was due for review on 1 November. Follow it, and tell its owner."),
            pages: [
                IncidentPage.Page(
                    status: .done, title: "Level 1, Lukas Brandt", detail: "push delivered 14:07:36, answered 14:10:45"),
                IncidentPage.Page(status: .notStarted, title: "Level 2, Priya Nair", detail: "stopped by the answer"),
            ],
            timeline: [
                IncidentPage.Entry(
                    time: stamp("2026-11-17T13:10:45Z"), status: .done, text: "Acknowledged by Lukas Brandt",
                    detail: "3 m 12 s after opening"),
                IncidentPage.Entry(
                    time: stamp("2026-11-17T13:07:33Z"), status: .failed, text: "Opened: circuit open, 5 failures in 60 s"),
                IncidentPage.Entry(time: stamp("2026-11-17T13:07:31Z"), icon: .bell, text: "Paged Lukas Brandt"),
            ],
            acts: [
                IncidentPage.Act(
                    form: form("/incidents/1/acknowledge"), label: "Acknowledge INC-2041", key: "A", isPrimary: true,
                    blocked: "Lukas Brandt has it")
            ], note: form("/incidents/1/notes"), resolve: form("/incidents/1/resolve"),
            changes: [
                IncidentPage.Change(
                    form: form("/incidents/1/mitigate"), name: "mitigate", noteLabel: "Why the tenant no longer suffers",
                    button: "Say that it is mitigated"),
                IncidentPage.Change(
                    form: form("/incidents/1/severity"), name: "severity", choiceLabel: "Severity, now SEV2",
                    choices: [.init(value: "sev1", label: "SEV1"), .init(value: "sev3", label: "SEV3")], noteLabel: "Why",
                    button: "Change the severity"),
            ], postmortem: form("/incidents/1/postmortem"))
    }
}
