/// What a run over published test data gave; `countersign conformance …` prints the failing ids, then the summary.
package struct ConformanceTally: Sendable {
    package enum Verdict: Sendable {
        case passed
        case failed(String)
        case skipped(String)
    }

    package private(set) var passed = 0
    package private(set) var failed = 0
    package private(set) var skipped = 0
    /// The failing cases in the order of the run, with what was wrong.
    package private(set) var failures: [(id: String, why: String)] = []
    /// The cases left out, with the reason.
    package private(set) var skips: [(id: String, why: String)] = []

    package init() {}

    package mutating func record(_ id: String, _ verdict: Verdict) {
        switch verdict {
        case .passed: passed += 1
        case .failed(let why):
            failed += 1
            failures.append((id, why))
        case .skipped(let why):
            skipped += 1
            skips.append((id, why))
        }
    }

    package mutating func record(_ id: String, isPassed: Bool, _ why: @autoclosure () -> String = "") {
        record(id, isPassed ? .passed : .failed(why()))
    }

    package mutating func add(_ other: ConformanceTally) {
        passed += other.passed
        failed += other.failed
        skipped += other.skipped
        failures += other.failures
        skips += other.skips
    }

    package var summary: String { "\(passed) passed, \(failed) failed, \(skipped) skipped" }
}
