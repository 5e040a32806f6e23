import Kernel

@testable import Console

extension Samples {
    private static let begun = Stamp(iso: "2026-11-03T08:12:00Z", text: "3 Nov 09:12")

    private static func why(_ label: String, _ id: String) -> StatusDeskPage.Sheet {
        StatusDeskPage.Sheet(
            label: label, form: form("/t/brightwater-foods/onboarding/skip"),
            controls: [
                .init(
                    .choice, id: "\(id)-step", name: "step", label: "Step", value: "brand",
                    choices: [FieldChoice(value: "brand", label: "The brand is published")]),
                .init(.line, id: "\(id)-reason", name: "reason", label: "Why"),
            ], acts: [FieldChoice(value: "skip", label: label)])
    }

    private static func track(_ done: Int) -> OnboardingTrack {
        OnboardingTrack(
            blocks: (0..<10).map { $0 == 3 ? .skipped : $0 < done ? .done : $0 == done ? .next : .open },
            spoken: "\(done) of 10 steps are settled; next: the contract is signed")
    }

    static func onboardings(_ brand: Brand) -> OnboardingsPage {
        func row(_ name: String, _ status: Status, _ state: String, _ done: Int, _ note: String) -> OnboardingsPage.Row {
            OnboardingsPage.Row(
                name: name, href: "/t/brightwater-foods/onboarding", partner: "Halden Price", status: status, state: state,
                track: track(done), note: note, since: begun)
        }
        return OnboardingsPage(
            frame: frame("Onboardings", brand, current: "Onboardings", crumbs: [Crumb(label: "Onboardings")]),
            head: PageHead(title: "Onboardings", lead: "From the beginning of a tenant to its first governed case."),
            refusal: "brightwater-foods is taken.",
            rows: [
                row("Brightwater Foods", .running, "7 of 10", 7, "No contract is signed by both sides."),
                row("Kestrel Labs", .done, "completed", 10, "took 3 d 4 h"),
            ],
            registrations: [
                .init(
                    name: "Ostwerk GmbH", note: "ostwerk, sold by halden-price. Its files are missing.", since: begun,
                    sheets: [why("Take it back", "w")])
            ],
            sheets: [
                StatusDeskPage.Sheet(
                    label: "Register a tenant", form: form("/operator/registrations"),
                    controls: [.init(.line, id: "r-slug", name: "slug", label: "Short name")],
                    acts: [FieldChoice(value: "register", label: "Register")])
            ])
    }

    static func noOnboardings(_ brand: Brand) -> OnboardingsPage {
        OnboardingsPage(
            frame: frame("Onboardings", brand, current: "Onboardings", crumbs: [Crumb(label: "Onboardings")]),
            head: PageHead(title: "Onboardings"), rows: [], empty: EmptyState(why: "No tenant has begun."))
    }

    static func onboarding(_ brand: Brand) -> OnboardingPage { onboarding(brand, blocked: "") }

    static func onboardingSuspended(_ brand: Brand) -> OnboardingPage {
        onboarding(brand, blocked: "Suspended since 14:48 by an engineer: their board has asked for it")
    }

    private static func onboarding(_ brand: Brand, blocked: String) -> OnboardingPage {
        OnboardingPage(
            frame: frame("Onboarding", brand, current: "Onboarding", crumbs: [Crumb(label: "Onboarding")]),
            head: PageHead(
                title: "Onboarding", pill: StatusText(status: .running, text: "7 of 10"),
                meta: "From the beginning to the first governed case"), blocked: blocked,
            facts: [Fact(label: "Begun", value: "3 Nov 09:12"), Fact(label: "So far", value: "14 d 5 h")], track: track(7),
            steps: [
                .init(title: "Configuration is applied", status: .done, state: "done", time: begun),
                .init(
                    title: "Access to the systems is approved", status: .done, state: "done", time: begun,
                    note: "by an engineer: their IT agreed by letter"),
                .init(
                    title: "The brand is published", status: .cancelled, state: "skipped", time: begun,
                    note: "by an engineer: they wear their partner's"),
                .init(
                    title: "The contract is signed", status: .needsPerson, state: "next",
                    note: "No contract is signed by both sides.",
                    command: "countersign contract list --tenant brightwater-foods",
                    href: "/t/brightwater-foods/service/contracts", sheets: [why("Go on without it", "c")]),
                .init(
                    title: "The first document is here", status: .notStarted, state: "open",
                    note: "No document has been handed in.", command: "countersign submit FILE --tenant brightwater-foods",
                    href: "/t/brightwater-foods/documents"),
            ], sheets: [why(blocked.isEmpty ? "Suspend this tenant" : "Resume this tenant", "l")])
    }
}
