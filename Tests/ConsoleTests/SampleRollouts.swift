import Kernel

@testable import Console

extension Samples {
    static func rollouts(_ brand: Brand) -> RolloutsPage {
        func metric(_ title: String, _ candidate: Int, _ live: Int) -> VersionScale.Metric {
            VersionScale.Metric(
                title: title, candidatePermille: candidate, livePermille: live, candidate: "\(candidate / 10) of 100",
                live: "\(live / 10) of 100")
        }
        return RolloutsPage(
            frame: frame("Rollouts", brand, current: "Rollouts", crumbs: [Crumb(label: "Rollouts")]),
            head: PageHead(title: "Rollouts", lead: "New versions of workflows."),
            rollouts: [
                RolloutsPage.Rollout(
                    name: "accounts-payable", title: "Accounts payable 1.2, beside 1.1", words: "in the shadow, without effect",
                    status: .notStarted, stage: "shadow", verdict: "The stage is kept.",
                    reasons: ["12 of 30 comparisons counted"],
                    scale: VersionScale(metrics: [metric("Touchless", 640, 610), metric("Faulted", 0, 10)]),
                    comparisons: ReplayScale(unchanged: 9, changed: 3, refused: 0, untold: 2),
                    bars: [
                        RolloutsPage.Bar(status: .watch, words: "Same as live: at least 95 %", standing: "missed"),
                        RolloutsPage.Bar(status: .done, words: "Faulted: at most 2 %, hard", standing: "cleared"),
                    ],
                    kinds: [RolloutsPage.Kind(name: "approval", count: "3", stake: "14,210.00 EUR")],
                    differences: [
                        RolloutsPage.Difference(
                            subject: "INV 2026-09713", href: "/runs/1", kind: "approval Sign the invoice",
                            live: "1 × approver", candidate: "2 × approver")
                    ],
                    acts: [
                        RolloutsPage.Act(
                            form: form("/rollouts/accounts-payable/promote"), label: "Begin the pilot"),
                        RolloutsPage.Act(
                            form: form("/rollouts/accounts-payable/rollback"), label: "Roll back"),
                    ], obstacle: "")
            ])
    }

    static func noRollouts(_ brand: Brand) -> RolloutsPage {
        RolloutsPage(
            frame: frame("Rollouts", brand, current: "Rollouts", crumbs: [Crumb(label: "Rollouts")]),
            head: PageHead(title: "Rollouts"), rollouts: [], empty: EmptyState(why: "No version is tried here."))
    }
}
