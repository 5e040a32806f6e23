internal import Kernel
internal import Logging

/// Parts of the server that go round by themselves: they look, note that they live, and rest, until they are cancelled.
extension Platform {
    /// `look` answers whether more is to be done at once. One that failed is told as `failure`, without a beat, and made again
    /// after the rest, which is asked for with whether the look was well.
    func rounds(
        _ part: Beats.Part, failure: Logger.Message, look: () async throws -> Bool, rest: (_ isWell: Bool) async -> Void
    ) async {
        while !Task.isCancelled {
            var isWell = false
            do {
                let hasMore = try await look()
                beats.note(part, at: clock.now)
                if hasMore { continue }
                isWell = true
            } catch is CancellationError {
                return
            } catch {
                logger.warning(failure, metadata: ["error": "\(error)"])
            }
            await rest(isWell)
        }
    }

    /// The same with one length of rest.
    func rounds(
        _ part: Beats.Part, every pause: Duration, failure: Logger.Message, look: () async throws -> Bool
    ) async {
        await rounds(part, failure: failure, look: look) { _ in
            // Cancellation ends the loop by its condition.
            try? await Task.sleep(for: pause)
        }
    }
}
