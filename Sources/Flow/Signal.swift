import Kernel

/// Wakes one sleeper. Raising it while nobody sleeps is remembered once, so no wake-up is ever lost.
final class Signal: Sendable {
    private struct State {
        var isRaised = false
        var sleeper: CheckedContinuation<Void, Never>?
    }

    private let state = Locked(State())

    func raise() {
        let sleeper = state.withLock { state -> CheckedContinuation<Void, Never>? in
            state.isRaised = true
            defer { state.sleeper = nil }
            return state.sleeper
        }
        sleeper?.resume()
    }

    /// Returns when the signal was raised since the last return, when the time is over, or when the task is cancelled.
    func wait(milliseconds: Int64) async {
        guard milliseconds > 0 else {
            state.withLock { $0.isRaised = false }
            return
        }
        let alarm = Task { [weak self] in
            // A cancelled sleep means that the signal came first.
            try? await Task.sleep(for: .milliseconds(milliseconds))
            self?.raise()
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isRaised = state.withLock { state -> Bool in
                    if state.isRaised { return true }
                    state.sleeper = continuation
                    return false
                }
                if isRaised { continuation.resume() }
            }
        } onCancel: {
            raise()
        }
        alarm.cancel()
        state.withLock { $0.isRaised = false }
    }
}
