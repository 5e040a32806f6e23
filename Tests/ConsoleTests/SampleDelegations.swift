@testable import Console

extension Samples {
    static func delegations(_ brand: Brand) -> DelegationsPage {
        func stamp(_ day: String) -> Stamp { Stamp(iso: "2026-11-\(day)T08:00:00Z", text: "\(day) Nov 09:00") }
        return DelegationsPage(
            frame: frame(
                "Deputies", brand, current: "Inbox", crumbs: [Crumb(label: "Inbox", href: "/inbox"), Crumb(label: "Deputies")]),
            head: PageHead(
                title: "Deputies",
                lead: "A deputy signs with the giver's roles and limit as they are at that moment. Both count as one person, and "
                    + "rules about duties look at both."),
            rows: [
                DelegationsPage.Row(
                    status: .running, state: "active", title: "Jonas Weber for Maren Holt",
                    second: "every approval, up to EUR 50,000.00. Parental leave", from: stamp("02"), until: stamp("30"),
                    revoke: form("/delegations/1/revoke")),
                DelegationsPage.Row(
                    status: .notStarted, state: "planned", title: "Priya Nair for Jonas Weber",
                    second: "payment-release. Conference", from: stamp("25"), until: stamp("28")),
                DelegationsPage.Row(
                    status: .cancelled, state: "taken back", title: "Priya Nair for Maren Holt", second: "every approval. Ill",
                    from: stamp("01"), until: stamp("03")),
            ],
            make: DelegationsPage.Make(
                form: form("/delegations"), givers: [DelegationsPage.Choice(value: "maren-holt", label: "Maren Holt")],
                deputies: [
                    DelegationsPage.Choice(value: "jonas-weber", label: "Jonas Weber"),
                    DelegationsPage.Choice(value: "priya-nair", label: "Priya Nair"),
                ], today: "2026-11-24", latest: "2027-02-21",
                currencies: [DelegationsPage.Choice(value: "EUR", label: "EUR")]))
    }

    static func noDelegations(_ brand: Brand) -> DelegationsPage {
        DelegationsPage(
            frame: frame("Deputies", brand, current: "Inbox", crumbs: [Crumb(label: "Deputies")]),
            head: PageHead(title: "Deputies", lead: "A deputy signs with the giver's roles and limit."), rows: [],
            empty: EmptyState(why: "Everybody decides for themselves."))
    }
}
