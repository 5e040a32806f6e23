import Kernel

@testable import Console

/// Runbooks that are followed.
extension Samples {
    static func runbooks(_ brand: Brand) -> RunbooksPage {
        func row(_ alert: String, _ title: String, isDue: Bool) -> RunbooksPage.Row {
            RunbooksPage.Row(
                title: title, alert: alert, severity: "SEV2", owner: "Platform on call", drilled: "2026-05-14",
                due: isDue ? "due since 2026-11-10" : "due on 2027-03-13", status: isDue ? .watch : .done, isDue: isDue,
                drill: form("/runbooks/\(alert)/drill"))
        }
        return RunbooksPage(
            frame: frame("Runbooks", brand, current: "Runbooks", crumbs: [Crumb(label: "Runbooks")], topics: "incidents"),
            head: PageHead(title: "Runbooks", lead: "What to do when an alert has fired, and whether it was practised."),
            figures: [
                Figure(label: "Drills due", value: "1", context: "of 2 runbooks", status: .watch, isAlarming: true)
            ],
            rows: [
                row("dead-letter", "Work was given up", isDue: true),
                row("worker-missing", "A worker does not answer", isDue: false),
            ],
            followed: [
                RunbooksPage.Followed(
                    status: .running, state: "running", title: "Work was given up", href: "/runbook/1", progress: "3 of 7",
                    who: "Tomas Reyl", at: stamp("2026-11-17T13:41:00Z"))
            ],
            drills: [
                RunbooksPage.Followed(
                    status: .done, state: "drill, finished", title: "A worker does not answer", href: "/runbook/2",
                    progress: "7 of 7", who: "Ravi Menon", at: stamp("2026-09-14T08:12:00Z"))
            ], drillsExport: "/drills.csv")
    }

    private static func runbookFrame(_ brand: Brand) -> Frame {
        frame(
            "Work was given up", brand, current: "Runbooks",
            crumbs: [Crumb(label: "Runbooks", href: "/runbooks"), Crumb(label: "Work was given up")])
    }

    private static let behind = [
        RunbookPage.Line(
            number: "2", title: "Pause what comes in", status: .done, state: "done", detail: "Tomas Reyl, 17 November, 14:41",
            operation: "/operations/1", undo: form("/runbook/1/steps/2/look")),
        RunbookPage.Line(
            number: "1", title: "Decide by the code", status: .cancelled, state: "skipped",
            detail: "Tomas Reyl, 17 November, 14:38: the code is known", again: form("/runbook/1/steps/1/settle")),
    ]

    static func runbook(_ brand: Brand, isTakenBack: Bool) -> RunbookPage {
        let shown = RunbookPage.Shown(
            effect: "They are tried again, oldest first, attempts counted anew.",
            counts: ["12 dead letters touched", "1 dead letters left alone"],
            examples: ["INV 2026-10377: tried again", "INV 2026-10380: The run is held."],
            facts: [Fact(label: "Code", value: "TIMEOUT"), Fact(label: "Looked at by", value: "Tomas Reyl")])
        let step = RunbookPage.Step(
            place: isTakenBack ? "Taking back step 2" : "Step 3 of 4", title: "Try the rest", verb: "replay-dead-letters",
            text: Markdown.html("Only when the **first one** went through.", topLevel: 4), shown: shown,
            note: isTakenBack ? "" : "Two people: one has asked for it, another confirms it.",
            act: RunbookPage.Act(
                form: form("/runbook/1/steps/3/confirm"), label: "Confirm: do it", hash: "9f2c4e1ab07d",
                asksSecret: isTakenBack, blocked: isTakenBack ? "" : "You asked for this, so someone else has to confirm it."),
            again: isTakenBack
                ? nil
                : RunbookPage.Act(
                    form: form("/runbook/1/steps/3/look"), label: "Show what it would do",
                    fields: [
                        RunbookPage.Field(name: "code", label: "Code", value: "TIMEOUT"),
                        RunbookPage.Field(name: "text", label: "Text", value: "", isRequired: true, isLong: true),
                    ], isMain: false), settle: isTakenBack ? nil : form("/runbook/1/steps/3/settle"))
        return RunbookPage(
            frame: runbookFrame(brand),
            head: PageHead(
                title: "Work was given up", pill: StatusText(status: .running, text: "running"),
                meta: "begun by Tomas Reyl at 17 November, 14:36"), drill: isTakenBack ? "" : "A drill: nothing is done.",
            incident: "/incidents/1", takingBack: isTakenBack ? step : nil, current: isTakenBack ? nil : step,
            ahead: [RunbookPage.Line(number: "4", title: "Tell the tenant", status: .notStarted, state: "open")],
            behind: behind, abandon: form("/runbook/1/abandon"))
    }

    static func runbookOver(_ brand: Brand) -> RunbookPage {
        RunbookPage(
            frame: runbookFrame(brand),
            head: PageHead(title: "Work was given up", pill: StatusText(status: .done, text: "finished")), current: nil,
            over: "Look whether the trouble is over, and resolve the incident or call for help.", ahead: [], behind: behind)
    }
}
