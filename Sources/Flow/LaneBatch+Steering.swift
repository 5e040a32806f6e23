internal import Kernel
internal import Records
internal import Workflows

/// What people do with a run as a whole, and events that come for it from outside.
extension LaneBatch {
    static let pausedPhase = "paused"

    /// The phase as rows have it: a paused run is seen as such.
    static func phase(of state: RunState) -> String {
        state.isPaused && !state.phase.isFinal ? pausedPhase : state.phase.rawValue
    }

    /// Pauses, resumes, skips a step, goes back, or hands an event over. Whoever sent it has been asked whether they may.
    mutating func steerRun(_ command: CommandRow) throws(Refusal) -> JSONValue {
        guard let id = command.run, let run = runs[id], run.tenant == command.tenant else {
            throw Refusal(.notFound, reason: "not-found", "There is nothing here by that name.")
        }
        let event = try RunEvent(json: command.payload)
        let person: PersonID?
        switch event {
        case .paused(let by, _), .resumed(let by), .skipped(_, let by, _), .rewound(_, let by, _), .stepRetried(_, let by),
            .deadlinesExtended(_, _, let by, _):
            person = by
        case .eventArrived: person = nil
        case .start, .workFinished, .personDecided, .timerFired, .retried, .cancelled, .discarded, .childEnded, .abandoned,
            .eventOffered:
            throw Refusal(.invalid, reason: "run.steer", "A run is not steered by this.")
        }
        if case .paused = event { try requireSecond("pause", command) }
        if case .resumed = event { try requireSecond("resume", command) }
        let seen = history.count
        try advance(id, event, by: person)
        var answer: JSONObject = ["run": JSONValue(id), "status": .string(runs[id]?.phase ?? "")]
        // Whether an event was of any use is in the history; the sender is told.
        if case .eventArrived = event {
            let lines = history[seen...].filter { $0.run == id }.map(\.type)
            answer["event"] = lines.contains("event.taken") ? "taken" : lines.contains("event.ignored") ? "ignored" : "kept"
        }
        return .object(answer)
    }
}
