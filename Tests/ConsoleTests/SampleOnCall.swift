import Kernel

@testable import Console

extension Samples {
    static func onCall(_ brand: Brand) -> OnCallPage {
        func day(_ text: String) -> Stamp { time.dayAndTime(moment(text)) }
        func layer(_ title: String, _ now: String, _ next: String, gaps: String = "none") -> OnCallPage.Layer {
            OnCallPage.Layer(
                title: title, status: now == "nobody" ? .failed : .done, now: now, until: day("2026-11-23T08:00:00Z"), next: next,
                answerWithin: "15 m", gaps: gaps, hasGaps: gaps != "none")
        }
        func shift(_ from: String, _ to: String, _ person: String) -> OnCallPage.Shift {
            OnCallPage.Shift(
                from: day(from), to: day(to), layer: "Platform on call", person: person, isGap: person == "nobody")
        }
        return OnCallPage(
            frame: operatorFrame("On call", brand, current: "On call", crumbs: [Crumb(label: "On call")]),
            head: PageHead(
                title: "On call", lead: "Platform on call. All hand-overs are wall times of Europe/Amsterdam."),
            figures: [
                Figure(label: "Answers now", value: "Lukas Brandt", context: "Platform on call"),
                Figure(label: "Hours with nobody", value: "104", context: "in the next 52 weeks", isAlarming: true),
                Figure(label: "Duty manager", value: "Ines Okafor", context: "when nobody answers 2 times"),
                Figure(label: "Channels", value: "console, mail", context: "all of them at once"),
            ],
            layers: [
                layer("Platform on call", "Lukas Brandt", "Saskia Brandt", gaps: "104 h"),
                layer("Second line", "nobody", "Ravi Menon", gaps: "2,912 h"),
            ],
            shifts: [
                shift("2026-11-17T14:53:00Z", "2026-11-23T08:00:00Z", "Lukas Brandt"),
                shift("2026-11-23T08:00:00Z", "2026-11-28T17:00:00Z", "Saskia Brandt"),
                shift("2026-11-28T17:00:00Z", "2026-11-30T08:00:00Z", "nobody"),
            ],
            swaps: [
                OnCallPage.Swap(
                    status: StatusText(status: .needsPerson, text: "asked"), words: "Saskia Brandt for Lukas Brandt",
                    time: "24 Dec 18:00 to 27 Dec 09:00", reason: "A wedding.",
                    acts: [
                        OnCallPage.Act(form: form("/operator/on-call/swaps/1/agreed"), label: "Take the shift"),
                        OnCallPage.Act(form: form("/operator/on-call/swaps/1/declined"), label: "Decline"),
                    ])
            ],
            tests: [
                OnCallPage.Test(status: .done, title: "mail to Lukas Brandt: taken, 250 2.0.0 queued", detail: "17 Nov 14:41:07"),
                OnCallPage.Test(
                    status: .failed, title: "chat to Lukas Brandt: given up after 6 attempts, status 503",
                    detail: "17 Nov 14:41:07"),
            ],
            digests: [
                OnCallPage.Digest(
                    status: .running, title: "To Saskia Brandt: 2 incidents that can wait, Meridian Foods",
                    detail: "next at 18 Nov 07:30",
                    text: "For Saskia Brandt. None of this is urgent, and nobody else is told of it.\n\nMeridian Foods\n\n  "
                        + "INC-2040  sev3  triggered  Ready work has waited 130 s to be taken"),
                OnCallPage.Digest(
                    status: .done, title: "To Saskia Brandt: 1 incident, delivered", detail: "17 Nov 07:30, 250 2.0.0 queued"),
            ],
            asking: OnCallPage.Asking(
                form: form("/operator/on-call/swaps"), zone: "Europe/Amsterdam",
                layers: [.init(value: "1", label: "Platform on call"), .init(value: "2", label: "Second line")],
                people: [.init(value: "saskia-brandt", label: "Saskia Brandt")]),
            testing: OnCallPage.Act(form: form("/operator/on-call/test-page"), label: "Send me a test page"))
    }
}
