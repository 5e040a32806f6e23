internal import Kernel
internal import Tenancy
internal import Workflows

/// Rollouts against the versions they are about: a misnamed version would be one that is silently never tried.
struct RolloutCheck {
    private let tree: ConfigurationTree

    init(_ tree: ConfigurationTree) { self.tree = tree }

    func issues() -> [LocatedIssue] {
        tree.assets.filter { $0.kind == .rollout }.flatMap(version(of:))
            + tree.assets.filter { $0.kind == .candidate }.flatMap(newness(of:))
    }

    private func version(of rollout: Asset) -> [LocatedIssue] {
        guard let written = rollout.document.json["candidate"]?.string,
            let candidate = tree.visible(.candidate, rollout.name, from: rollout.scope), let version = candidate.authoredVersion,
            version != written
        else { return [] }
        return [
            rollout.document.located(
                AssetIssue(
                    "/candidate", "The candidate `\(rollout.name)` has version \(version), not \(written.prefix(60)).",
                    remedy: "Look at what version \(version) changes, then name it here."))
        ]
    }

    /// The same version number for two texts is what versions exist to prevent.
    private func newness(of candidate: Asset) -> [LocatedIssue] {
        guard let live = tree.visible(.workflow, candidate.name, from: candidate.scope), let version = live.authoredVersion,
            version == candidate.authoredVersion
        else { return [] }
        return [
            candidate.document.located(
                AssetIssue(
                    "/version", "Version \(version) of `\(candidate.name)` is the live one.",
                    remedy: "Give the candidate a version of its own, or remove the file when the rollout is over."))
        ]
    }
}
