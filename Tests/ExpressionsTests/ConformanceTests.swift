import Kernel
import TestBasics
import Testing

@testable import Expressions

/// The public cases of the language, read from the shared vectors when they are there.
@Suite("CEL conformance")
struct ConformanceTests {
    private static let zones: ZoneSource = { name throws(Refusal) in try ZoneRules.load(name) }

    @Test("the language agrees with every public case that is not left out by name")
    func agrees() throws {
        guard let directory = Checkout.published("vectors/cel") else { return }
        let tally = try CELConformance.run(directory: directory, zones: ConformanceTests.zones)
        print("CEL: \(tally.summary)")
        for failure in tally.failures { print("  failed \(failure.id): \(failure.why)") }
        #expect(tally.failed == 0)
        #expect(tally.passed >= 1010)
        #expect(tally.skips.allSatisfy { $0.id.hasPrefix("block_ext/") || $0.id.hasPrefix("network_ext/") })
    }
}
