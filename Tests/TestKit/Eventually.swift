internal import Glibc

/// Waits for a condition that another process brings about, such as a backend that ends; looks again every few milliseconds.
/// Answers false when it did not come true within the limit, which is long: only a failing test ever reaches it.
package func eventually(
    withinMilliseconds limit: Int = 20_000, _ condition: @Sendable () async throws -> Bool
) async throws -> Bool {
    let clock = ContinuousClock()
    let deadline = clock.now.advanced(by: .milliseconds(limit))
    while clock.now < deadline {
        if try await condition() { return true }
        try await Task.sleep(for: .milliseconds(5))
    }
    return false
}
