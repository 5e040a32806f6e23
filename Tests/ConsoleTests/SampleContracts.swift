import Kernel

@testable import Console

extension Samples {
    private static let contractTabs = [
        Tab(label: "Clocks", href: "/service"), Tab(label: "Error budgets", href: "/service/budgets"),
        Tab(label: "Contracts", href: "/service/contracts", isCurrent: true),
    ]

    static func contracts(_ brand: Brand) -> ContractsPage {
        func version(
            _ number: String, _ status: Status, _ standing: String, _ governs: String, _ signed: String
        )
            -> ContractsPage.Version
        {
            ContractsPage.Version(
                title: "Managed accounts payable", name: "managed-ap \(number)", href: "/service/contracts/\(number)",
                status: status, standing: standing, governs: governs, signed: signed)
        }
        return ContractsPage(
            frame: frame(
                "Contracts", brand, current: "Service levels",
                crumbs: [Crumb(label: "Service levels", href: "/service"), Crumb(label: "Contracts")]),
            head: PageHead(
                title: "Contracts", lead: "What was promised from when on. A version governs once both sides have signed it."),
            tabs: contractTabs, gaps: ["No signed contract governs runs of payment-release from 30 Nov 2026 on."],
            line: ContractLine(
                bars: [
                    .init(name: "managed-ap 1", from: 0, to: 500, isInForce: false, words: "1 Jan 2026 to 1 Jul 2026"),
                    .init(name: "managed-ap 2", from: 500, to: 900, isInForce: true, words: "from 1 Jul 2026 on"),
                ],
                ticks: [
                    TimelineTick(at: 0, label: "2026-01-01"), TimelineTick(at: 250, label: "2026-04-01"),
                    TimelineTick(at: 500, label: "2026-07-01"), TimelineTick(at: 750, label: "2026-10-01"),
                ], now: 800),
            versions: [
                version("3", .needsPerson, "waits for the tenant's signature", "", "Ines Okafor"),
                version("2", .done, "in force", "from 1 Jul 2026 on", "Ines Okafor, Ruth Adler"),
                version("1", .cancelled, "over", "1 Jan 2026 to 1 Jul 2026", "Ines Okafor, Ruth Adler"),
            ])
    }

    static func noContracts(_ brand: Brand) -> ContractsPage {
        ContractsPage(
            frame: frame("Contracts", brand, current: "Service levels", crumbs: [Crumb(label: "Contracts")]),
            head: PageHead(title: "Contracts"), tabs: contractTabs, line: nil, versions: [],
            empty: EmptyState(why: "No contract is drafted here. It is a file in the tenant's folder."))
    }

    static func contract(_ brand: Brand) -> ContractPage {
        ContractPage(
            frame: frame(
                "Contract managed-ap 3", brand, current: "Service levels",
                crumbs: [
                    Crumb(label: "Service levels", href: "/service"), Crumb(label: "Contracts", href: "/service/contracts"),
                    Crumb(label: "managed-ap 3"),
                ]),
            head: PageHead(title: "Managed accounts payable", lead: "Invoices are approved within two business days."),
            status: .needsPerson, standing: "waits for the tenant's signature",
            facts: [
                Fact(label: "Version", value: "managed-ap 3"), Fact(label: "Begins", value: "1 Dec 2026 00:00"),
                Fact(label: "Hash of the text", value: String(repeating: "9f", count: 32), isCode: true),
            ],
            promises: [
                .init(
                    title: "Approval cycle",
                    words: ["Within 20 h of service time.", "The clock stands still while waiting on supplier."]),
                .init(
                    title: "End of urgent incidents",
                    words: ["Incidents of sev1, sev2 are resolved.", "Within 8 h of service time."]),
                .init(
                    title: "Untouched invoices",
                    words: ["20 % of a month's runs have to complete without anybody having touched them."]),
            ], calendar: ["German business days, in the time of Europe/Berlin.", "mon 09:00–17:00; tue 09:00–17:00"],
            signatures: [
                .init(
                    side: "Operator or partner", status: .done, words: "Ines Okafor, 3 Nov 14:02",
                    proof: "Signed here; the seal over this hash is good."),
                .init(side: "Brightwater Foods", status: .notStarted, words: "not signed", proof: ""),
            ], changes: ["objectives › approval-cycle › target: \"24h\" becomes \"20h\""],
            changesHead: "What differs from version 2",
            acts: [
                .init(
                    form: form("/service/contracts/3/sign"), label: "Sign for Brightwater Foods",
                    words: "You sign the text with this hash.", hash: String(repeating: "9f", count: 32)),
                .init(
                    form: form("/service/contracts/3/reject"), label: "Turn down", words: "Another text is another version.",
                    asksReason: true),
                .init(
                    form: form("/service/contracts/3/end"), label: "Ask for its end",
                    words: "A contract ends when both sides have named the same instant.", asksReason: true,
                    end: "2026-12-31T23:00:00Z"),
            ])
    }
}
