import Kernel
import TestBasics
import Testing

@testable import Expressions

/// The public cases of the language, read from the shared vectors when they are there.
@Suite("CEL conformance")
struct ConformanceTests {
    /// Files and the least number of their cases that has to pass. These numbers only grow.
    static let core: KeyValuePairs<String, Int> = [
        "basic": 29, "comparisons": 216, "conversions": 62, "fields": 33, "fp_math": 16, "integer_math": 40, "lists": 19,
        "logic": 18, "macros": 23,
        "namespace": 8, "parse": 107, "plumbing": 3, "string": 29, "timestamps": 49, "type_deduction": 6,
    ]
    static let extensions: KeyValuePairs<String, Int> = [
        "bindings_ext": 7, "encoders_ext": 4, "macros2": 32, "math_ext": 123, "string_ext": 87,
    ]

    @Test("the core of the language agrees with the public cases")
    func coreAgrees() throws { try run(ConformanceTests.core, group: "core") }

    @Test("the extensions we offer agree with the public cases")
    func extensionsAgree() throws { try run(ConformanceTests.extensions, group: "extensions") }

    private func run(_ files: KeyValuePairs<String, Int>, group: String) throws {
        guard let directory = Checkout.published("vectors/cel") else { return }
        var total = ConformanceTally()
        for (name, least) in files {
            let document = try JSONValue(parsing: try FileBytes.read("\(directory)/\(name).json", maxBytes: 4_000_000))
            let tally = CELCases.run(document, file: name)
            total.add(tally)
            print("CEL \(name): \(tally.summary)")
            for failure in tally.failures { print("  failed \(failure.id): \(failure.why)") }
            #expect(tally.passed >= least, "\(name): fewer cases pass than before")
        }
        print("CEL \(group): \(total.summary)")
    }
}
