internal import Kernel
internal import ServiceLevels
internal import Tenancy

/// Whether every cut-off that a contract promises is ever reached in its service time.
struct CutOffCheck {
    private let tree: ConfigurationTree

    init(_ tree: ConfigurationTree) { self.tree = tree }

    func issues() -> [LocatedIssue] {
        tree.tenants.flatMap { tenant in
            tree.contracts(of: tenant.scope).flatMap { asset, contract in issues(asset, contract) }
        }
    }

    private func issues(_ asset: Asset, _ contract: ContractDocument) -> [LocatedIssue] {
        // What is wrong with the calendar was told where it is.
        var told: [AssetIssue] = []
        guard let found = tree.visible(.calendar, contract.calendar, from: asset.scope),
            let calendar = ServiceCalendar.parse(found.document.json, issues: &told)
        else { return [] }
        return contract.objectives.enumerated().compactMap { index, objective in
            guard let cutOff = objective.cutOff,
                CutOff.next(
                    after: contract.effectiveFrom, at: cutOff, leadSeconds: Int64(objective.targetSeconds), calendar: calendar)
                    == nil
            else { return nil }
            return asset.document.located(
                AssetIssue(
                    "/objectives/\(index)/cutOff",
                    "\(ServiceWindow.text(cutOff)) never lies in the service time of `\(contract.calendar)` or at its end.",
                    remedy: "Choose a time at which somebody is at work."))
        }
    }
}
