import Kernel

@testable import Console

extension Samples {
    /// Guardrails of two levels, and what they bound.
    static func guardrails(_ brand: Brand) -> PoliciesPage {
        func act(
            _ subject: String, _ counterparty: String, _ amount: String, _ rules: String, _ state: String, _ at: String
        ) -> PoliciesPage.BoundAct {
            PoliciesPage.BoundAct(
                subject: subject, href: "/runs/1", counterparty: counterparty, act: "posting", amount: amount, rules: rules,
                state: state, at: time.dayAndTime(moment(at)))
        }
        return PoliciesPage(
            frame: frame("Policies", brand, current: "Policies", crumbs: [Crumb(label: "Policies")]),
            head: PageHead(
                title: "Policies", lead: "What is decided by rule. Versions never change; a run keeps the one it began with."),
            rows: [
                PoliciesPage.Row(
                    title: "House guardrails", name: "house", href: "/policies?policy=house", kind: "guardrails", version: "1.1",
                    since: time.dayAndTime(moment("2026-11-02T08:00:00Z")), isShown: true)
            ],
            policy: PoliciesPage.Shown(
                title: "House guardrails, version 1.1", scale: ReplayScale(unchanged: 96, changed: 3, refused: 0, untold: 1),
                figures: [
                    Figure(label: "Decisions", value: "100", context: "on record and looked at"),
                    Figure(label: "Otherwise", value: "3", context: "would be decided differently now", status: .watch),
                ], meaning: ["Rule `day`: the most a day may come to is 200,000.00 EUR, and was 250,000.00 EUR."], changes: [],
                examples: [], untold: [], note: "recorded decisions, asked again",
                guardrails: [
                    PoliciesPage.Guardrail(
                        label: "The day's limit", sentence: "All postings of a day: at most 200,000.00 EUR. Otherwise it waits.",
                        level: "this tenant", bound: "4", through: "3"),
                    PoliciesPage.Guardrail(
                        label: "New bank account", sentence: "An account that changed less than 14 days ago needs 2 signatures.",
                        level: "operator", bound: "1", through: "0"),
                ],
                acts: [
                    act(
                        "INV 2026-10418", "Nordlicht Verpackung GmbH", "712.40 EUR", "The day's limit; New bank account",
                        "waits or was refused", "2026-11-16T13:42:00Z"),
                    act(
                        "INV 2026-10402", "Halbig", "98,310.20 EUR", "The day's limit", "went through", "2026-11-15T09:10:00Z"),
                ]))
    }
}
