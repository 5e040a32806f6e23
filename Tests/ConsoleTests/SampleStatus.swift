import Kernel

@testable import Console

extension Samples {
    private static func line(_ name: String) -> StatusLine {
        StatusLine(
            days: (0..<90).map { day in
                let rank: Int? = day < 12 ? nil : day == 40 ? 4 : day == 41 ? 2 : day == 60 ? 1 : day == 71 ? 3 : 0
                let words = ["Operational", "Maintenance", "Degraded", "Partial outage", "Major outage"]
                return StatusLine.Day(
                    date: "2026-08-\(day % 28 + 1)", rank: rank, word: rank.map { words[$0] } ?? "No data",
                    downMinutes: (rank ?? 0) >= 3 ? 48 : 0)
            },
            words: StatusLine.Words(
                label: "\(name): 99.93 % up", table: "Day by day", day: "Day (UTC)", worst: "Worst", down: "Minutes down"))
    }

    private static func told(_ text: String) -> Stamp { Stamp(iso: "2026-11-17T13:48:00Z", text: text) }

    private static var subscribe: StatusSubscribe {
        func channel(_ name: String, _ title: String, _ label: String, help: String = "") -> StatusSubscribe.Channel {
            StatusSubscribe.Channel(
                name: name, title: title, label: label, help: help, legend: "Only about these (none chosen: everything)",
                choices: [
                    StatusSubscribe.Choice(id: "1", name: "Posting to the ERP"),
                    StatusSubscribe.Choice(id: "2", name: "Approvals"),
                ], button: "Subscribe")
        }
        return StatusSubscribe(
            title: "Be told of updates", lead: "You get a mail first in which you confirm.", action: "/status/x/subscribers",
            channels: [
                channel("mail", "By mail", "Your e-mail address"),
                channel("webhook", "By webhook", "Address of the webhook", help: "https only."),
            ])
    }

    static func statusQuestion(_ brand: Brand) -> StatusSubscriptionPage {
        StatusSubscriptionPage(
            frame: Frame(title: "Brightwater Foods", brand: mark(brand), isBare: true), title: "Do you want these messages?",
            lead: "From now on m…@example.com is told what this page says.", action: "/status-mail/t0ken",
            button: "Yes, tell me")
    }

    static func statusAsked(_ brand: Brand) -> StatusSubscriptionPage {
        StatusSubscriptionPage(
            frame: Frame(title: "Brightwater Foods", brand: mark(brand), isBare: true), title: "Almost done",
            lead: "This secret signs every event; it is shown only now:",
            secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYq=",
            back: Action(label: "Back to the status page", href: "/status/x"))
    }

    static func status(_ brand: Brand) -> StatusPage {
        func component(_ name: String, _ status: StatusText, note: String = "") -> StatusPage.Component {
            StatusPage.Component(
                name: name, detail: "From our side to your ERP.", status: status, note: note,
                uptime: "99.93 % up, from 1872 h measured in 90 days", line: line(name))
        }
        let updates = [
            StatusPage.Update(
                phase: "Identified", time: told("2026-11-17 14:48 CET"), edited: "",
                text: "The ERP turns requests away.\nPostings wait; none is lost."),
            StatusPage.Update(
                phase: "Investigating", time: told("2026-11-17 14:20 CET"), edited: "edited 2026-11-17 14:25 CET",
                text: "Postings are late."),
        ]
        return StatusPage(
            frame: Frame(
                title: "Brightwater Foods", brand: mark(brand),
                notice: Notice(tone: .warn, text: "The current state cannot be read now. This was true at 2026-11-17 14:50 CET."),
                isBare: true),
            title: "Brightwater Foods", intro: "What works, and what we are doing about the rest.",
            summary: StatusText(status: .inDoubt, text: "Part of the service is down"), asOf: "As of 2026-11-17 14:50 CET.",
            componentsTitle: "Components",
            components: [
                component("Posting to the ERP", StatusText(status: .inDoubt, text: "Partial outage")),
                component(
                    "Approvals", StatusText(status: .done, text: "Operational"),
                    note: "set by hand, until 2026-11-17 18:00 CET"),
                component("Document reading", StatusText(status: .notStarted, text: "No data")),
            ],
            sections: [
                StatusPage.Section(
                    title: "Current disruptions",
                    notices: [
                        StatusPage.Notice(
                            anchor: "1", title: "Posting is late", status: StatusText(status: .inDoubt, text: "Identified"),
                            meta: "Major. Affects: Posting to the ERP", updates: updates)
                    ]),
                StatusPage.Section(
                    title: "Planned maintenance",
                    notices: [
                        StatusPage.Notice(
                            anchor: "2", title: "ERP upgrade", status: StatusText(status: .notStarted, text: "Scheduled"),
                            meta: "2026-11-21 08:00 CET – 2026-11-21 12:00 CET", updates: [])
                    ]), StatusPage.Section(title: "Past notices", notices: [], none: "There are none yet."),
            ],
            links: [
                Action(label: "Older", href: "/status/x?before=1_2"),
                Action(label: "Feed", href: "/status/x/feed.json", isDownload: true),
            ], subscribe: subscribe)
    }

    static func statusDesk(_ brand: Brand) -> StatusDeskPage {
        let text = StatusDeskPage.Control(.paragraph, id: "text-1", name: "text", label: "What readers are told")
        let phase = StatusDeskPage.Control(
            .choice, id: "phase-1", name: "phase", label: "Where it stands", value: "identified",
            choices: [
                FieldChoice(value: "investigating", label: "investigating"),
                FieldChoice(value: "identified", label: "identified"),
            ], help: "The last one ends the notice.")
        let acts = [FieldChoice(value: "publish", label: "Publish"), FieldChoice(value: "draft", label: "Keep as a draft")]
        return StatusDeskPage(
            frame: frame("Status page", brand, current: "Status page", crumbs: [Crumb(label: "Status page")]),
            head: PageHead(
                title: "Status page", pill: StatusText(status: .running, text: "for anybody with the address"),
                lead: "What your readers are told."),
            address: "/status/3fC9xkQ2m7Rw5tYb8uLp4sNv6dHj0aZe",
            sheets: [
                StatusDeskPage.Sheet(
                    label: "Settings", form: form("/status-desk/brightwater-foods"),
                    controls: [
                        StatusDeskPage.Control(.line, id: "title", name: "title", label: "Title", value: "Brightwater Foods"),
                        StatusDeskPage.Control(
                            .check, id: "announced", name: "announced", label: "Show maintenance of the contract", value: "true"),
                    ], acts: [FieldChoice(value: "save", label: "Save")])
            ],
            components: [
                StatusDeskPage.Component(
                    name: "Posting to the ERP", source: "From connection:erp",
                    status: StatusText(status: .inDoubt, text: "Partial outage"), note: "Set by Tomas Reyl until 18:00",
                    sheets: [
                        StatusDeskPage.Sheet(
                            label: "Take it off the page", form: form("/status-desk/x/retire"), controls: [],
                            acts: [FieldChoice(value: "retire", label: "Take it off")])
                    ])
            ],
            notices: [
                StatusDeskPage.Notice(
                    title: "Posting is late", status: StatusText(status: .watch, text: "open"), meta: "incident, major",
                    updates: [
                        StatusDeskPage.Update(
                            title: "investigating", text: "Postings are late.", time: told("14:20"),
                            before: [StatusDeskPage.Wording(time: told("14:18"), text: "Posting are late.")], sheets: [])
                    ],
                    sheets: [
                        StatusDeskPage.Sheet(
                            label: "Another update", form: form("/status-desk/x/updates"), controls: [phase, text], acts: acts)
                    ])
            ])
    }

    static func statusSubscribers(_ brand: Brand) -> StatusSubscribersPage {
        let remove = StatusDeskPage.Sheet(
            label: "Tell m…@reader.example nothing more", form: form("/status-desk/x/subscribers/1/remove"), controls: [],
            acts: [FieldChoice(value: "remove", label: "Tell it nothing more")])
        return StatusSubscribersPage(
            frame: frame("Subscribers", brand, current: "Status page", crumbs: [Crumb(label: "Status page", href: "#")]),
            head: PageHead(title: "Subscribers", lead: "1 is told, 1 was asked, 1 has ended."), secret: "whsec_MfKQ9r8GKYqrTwjU",
            sheets: [
                StatusDeskPage.Sheet(
                    label: "Add a subscriber", form: form("/status-desk/x/subscribers"),
                    controls: [StatusDeskPage.Control(.line, id: "a-address", name: "address", label: "Address")],
                    acts: [FieldChoice(value: "add", label: "Ask it")])
            ],
            rows: [
                StatusSubscribersPage.Row(
                    address: "m…@reader.example", channel: "mail", status: StatusText(status: .running, text: "is told"),
                    about: "everything", since: told("2026-11-17 14:20 CET"), sheets: [remove]),
                StatusSubscribersPage.Row(
                    address: "https://hooks.reader.example/…", channel: "webhook",
                    status: StatusText(status: .paused, text: "ended: failing"), about: "Posting to the ERP",
                    since: told("2026-11-17 14:20 CET"), sheets: []),
            ], next: "/status-desk/x/subscribers?cursor=1_2",
            deliveries: [
                StatusSubscribersPage.Delivery(
                    to: "m…@reader.example", kind: "update", status: StatusText(status: .done, text: "delivered"),
                    tries: "2 tries, last: accepted 250", at: told("2026-11-17 14:21 CET"))
            ], older: "/status-desk/x/subscribers?sent=1_2")
    }

    static func noStatusSubscribers(_ brand: Brand) -> StatusSubscribersPage {
        StatusSubscribersPage(
            frame: frame("Subscribers", brand, current: "Status page", crumbs: [Crumb(label: "Status page", href: "#")]),
            head: PageHead(title: "Subscribers"), sheets: [], rows: [], deliveries: [],
            empty: EmptyState(why: "Nobody has subscribed yet. Readers do so at the foot of the status page."))
    }

    static func noStatusDesk(_ brand: Brand) -> StatusDeskPage {
        StatusDeskPage(
            frame: frame("Status page", brand, current: "Status page", crumbs: [Crumb(label: "Status page")]),
            head: PageHead(title: "Status page"), address: "", sheets: [], components: [], notices: [],
            empty: EmptyState(why: "There is no status page here yet. Set one up below."))
    }
}
