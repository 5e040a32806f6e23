import ArgumentParser
import Flow
import Kernel
import Records

/// `countersignd maintenance`: one look of what the server does each hour, by hand or for show.
struct MaintenanceCommand: DatabaseCommand {
    static let configuration = CommandConfiguration(
        commandName: "maintenance", abstract: "Makes the months of history to come, and removes what is past its time.",
        discussion: """
            A running server does the same each hour. With --dry-run nothing is changed, and it is told which months there are,
            which would go, and what keeps the others.
            """)

    @OptionGroup var options: DataOptions

    @Flag(help: "Tell what would be done, and do nothing.")
    var dryRun = false

    @Flag(help: "As JSON.")
    var json = false

    func work(_ toolbox: Toolbox) async throws {
        let keeping = Keeping(platform: toolbox.platform, scopes: toolbox.scopes, assets: toolbox.assets, alerting: nil)
        let plan = try await keeping.plan()
        if json { print(plan.json().prettyText) } else { tell(plan) }
        guard !dryRun else { return }
        let outcome = try await keeping.look()
        guard !json else { return }
        func list(_ months: [String]) -> String { months.isEmpty ? "none" : months.joined(separator: ", ") }
        print("made: \(list(outcome.made.map(\.description)))")
        print("taken away: \(list(outcome.dropped.map(\.description)))")
        print("lines removed run by run: \(outcome.linesRemoved); of the live feed: \(outcome.feedLinesRemoved)")
        if outcome.hasMore { print("Something was left for the next look: a lock was not to be had, or it was much.") }
    }

    private func tell(_ plan: KeepingPlan) {
        for tenant in plan.tenants { print("\(tenant.slug): history for \(tenant.months) months after a run's end") }
        print("live feed: \(plan.feedDays) days")
        for month in plan.months {
            let what = "\(month.month)  \(month.bytes / 1024) KiB  "
            guard !month.isDue else {
                print(what + "would be taken away")
                continue
            }
            let reasons = month.obstacles.map { obstacle in
                [obstacle.tenant.map(plan.slug), obstacle.reason.words].compactMap(\.self).joined(separator: " ")
            }
            print(what + "stays: " + reasons.prefix(MaintenanceCommand.reasonsMax).joined(separator: "; "))
        }
        print("\(plan.unplaced) lines lie outside the months")
    }

    /// So many tenants are named of those that keep a month.
    private static let reasonsMax = 5
}
