import Kernel

@testable import Console

/// What is written after trouble.
extension Samples {
    static func postmortems(_ brand: Brand) -> PostmortemsPage {
        func row(_ number: String, _ status: Status, _ state: String, overdue: String) -> PostmortemsPage.Row {
            PostmortemsPage.Row(
                href: "/postmortem/1", numbers: number, status: status, state: state, open: "2", overdue: overdue,
                who: "Tomas Reyl", at: stamp("2026-11-17T13:41:00Z"))
        }
        return PostmortemsPage(
            frame: frame("Post-mortems", brand, current: "Incidents", crumbs: [Crumb(label: "Post-mortems")]),
            head: PageHead(title: "Post-mortems", lead: "What severe trouble has taught, and what was promised after it."),
            figures: [Figure(label: "Open actions", value: "4", context: "1 overdue", status: .watch, isAlarming: true)],
            rows: [
                row("INC-2041, INC-2042", .watch, "published", overdue: "1"), row("INC-2050", .running, "draft", overdue: "0"),
            ])
    }

    static func noPostmortems(_ brand: Brand) -> PostmortemsPage {
        PostmortemsPage(
            frame: frame("Post-mortems", brand, current: "Incidents", crumbs: [Crumb(label: "Post-mortems")]),
            head: PageHead(title: "Post-mortems"), rows: [],
            empty: EmptyState(why: "None is written. Begin one from an incident that is resolved."))
    }

    static func postmortem(_ brand: Brand, isLocked: Bool) -> PostmortemPage {
        func part(_ name: String, _ title: String, _ text: String) -> PostmortemPage.Part {
            PostmortemPage.Part(
                name: name, title: title, text: text, body: Markdown.html(text, topLevel: 3), isMissing: text.isEmpty,
                form: isLocked ? nil : form("/postmortem/1/sections"))
        }
        return PostmortemPage(
            frame: frame(
                "Post-mortem of INC-2041", brand, current: "Incidents",
                crumbs: [Crumb(label: "Post-mortems", href: "/postmortems"), Crumb(label: "INC-2041")]),
            head: PageHead(
                title: "Post-mortem of INC-2041",
                pill: StatusText(status: isLocked ? .needsPerson : .running, text: isLocked ? "in-review" : "draft"),
                meta: "begun by Tomas Reyl at 17 November, 14:36"),
            returned: isLocked ? "" : "It came back from its review: Which certificate?",
            incidents: [Fact(label: "INC-2041", value: "The ERP does not answer", href: "/incidents/1")],
            document: "/postmortem/1/document",
            parts: [
                part("summary", "Summary", "INC-2041, sev2: **the ERP** did not answer for 2 h 05 m."),
                part("cause", "Cause", isLocked ? "A certificate had ended." : ""),
            ],
            actions: [
                PostmortemPage.Action(
                    number: "1", title: "Watch certificates", owner: "Saskia Brandt", due: "was due on 2026-11-10",
                    status: .watch,
                    state: "open", form: form("/postmortem/1/actions/1/settle")),
                PostmortemPage.Action(
                    number: "2", title: "Tell the tenant earlier", owner: "Tomas Reyl", due: "due on 2026-11-20", status: .done,
                    state: "done", note: "The template is written."),
            ],
            promise: isLocked
                ? nil
                : PostmortemPage.Promise(
                    form: form("/postmortem/1/actions"), people: [FieldChoice(value: "saskia-brandt", label: "Saskia Brandt")]),
            acts: isLocked
                ? [
                    .init(
                        form: form("/postmortem/1/publish"), label: "Publish it", isPrimary: true,
                        blocked: "You have written part of it, so someone else has to review it."),
                    .init(form: form("/postmortem/1/return"), label: "Make it a draft again", reasonLabel: "What is missing"),
                ]
                : [
                    .init(
                        form: form("/postmortem/1/submit"), label: "Submit it for review", isPrimary: true,
                        blocked: "Still to be written: Cause.")
                ],
            timeline: [
                PostmortemPage.Line(time: stamp("2026-11-17T13:07:33Z"), text: "Opened: circuit open", detail: ""),
                PostmortemPage.Line(time: stamp("2026-11-17T13:10:45Z"), text: "Acknowledged.", detail: "Lukas Brandt"),
            ])
    }
}
