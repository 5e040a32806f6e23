internal import Kernel
internal import Records
internal import Tenancy
internal import Workflows

/// Whether anybody has touched a run: the first touch is kept with the run, and a run that ends is judged by it.
///
/// A request to a person is a touch, also one that policy demands, and so is every act by which somebody steers a run. It rides
/// on rows that are written anyway: only what a contract promises costs one statement a batch.
extension LaneBatch {
    static let touchedMember = "touched"

    mutating func touch(_ id: RunID, _ how: String) {
        guard runs[id]?.touched == nil else { return }
        runs[id]?.touched = how
        changedRuns.insert(id)
    }

    /// How an event touches its run; nil for what comes by itself.
    static func touch(by event: RunEvent) -> String? {
        switch event {
        case .start, .workFinished, .timerFired, .eventArrived, .eventOffered, .childEnded, .abandoned: nil
        case .personDecided: "request"
        case .retried, .stepRetried: "retried"
        case .discarded: "discarded"
        case .skipped: "skipped"
        case .rewound: "rewound"
        case .paused, .resumed: "paused"
        case .cancelled: "cancelled"
        case .deadlinesExtended: "deadlines"
        }
    }

    /// A run has ended for the first time: what its contract promises about touches is decided now. A run inside another is a
    /// part of that one, which has its touches.
    mutating func judge(_ run: RunRow, _ state: RunState, _ context: RunContext) {
        guard state.parent == nil, let contract = context.contract, let pin = context.pinned.contract else { return }
        let cause = run.touched ?? (run.phase == "completed" ? JudgedRunRow.untouched : run.phase)
        for objective in contract.objectives(measuring: .touchless) {
            judgedRuns.append(
                JudgedRunRow(
                    tenant: run.tenant, run: run.id, objective: objective.name, contractAsset: pin.asset,
                    contractVersion: pin.version, cause: cause, at: now))
        }
    }
}
