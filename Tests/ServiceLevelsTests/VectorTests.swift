import Kernel
import TestBasics
import Testing

@testable import ServiceLevels

@Suite("Vectors")
struct VectorTests {
    @Test("every hand-worked figure comes out exactly")
    func ownVectors() throws {
        let tally = try SLAConformance.run(directory: Places.vectors)
        print("own vectors: \(tally.summary)")
        for failure in tally.failures { print("  \(failure.id): \(failure.why)") }
        #expect(tally.failed == 0 && tally.passed >= 100)
    }

    @Test("every rule has at least three hand-worked vectors, each with its working")
    func everyRuleIsCovered() throws {
        let bytes = try FileBytes.read(Places.vectors + "/clock-rules.json", maxBytes: 1_000_000)
        let vectors = try #require(try JSONValue(parsing: bytes).array)
        for rule in [1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12, 15, 16, 17, 19, 20, 21, 22] {
            let prefix = rule < 10 ? "r0\(rule)-" : "r\(rule)-"
            #expect(vectors.count { $0["id"]?.string?.hasPrefix(prefix) == true } >= 3, "R\(rule)")
        }
        #expect(vectors.allSatisfy { ($0["working"]?.string?.count ?? 0) > 10 })
    }

    @Test("the published vectors come out exactly")
    func publishedVectors() throws {
        guard let directory = Checkout.published("vectors/sla") else { return }
        let tally = try SLAConformance.run(directory: directory)
        print("published vectors: \(tally.summary)")
        for failure in tally.failures { print("  \(failure.id): \(failure.why)") }
        #expect(tally.failed == 0 && tally.passed > 0)
    }

    @Test("a vector with a wrong expectation fails and says how")
    func aWrongExpectationFails() throws {
        let text = #"{"id": "x", "kind": "dedup", "events": [[0, "trigger", "a"]], "expect": {"incidents": 2, "age": 1}}"#
        let tally = SLAConformance.run(file: "x.json", bytes: Array(text.utf8))
        #expect(tally.summary == "0 passed, 1 failed, 0 skipped")
        #expect(tally.failures.first?.why == "incidents is 1 instead of 2; age is missing")
    }

    @Test("no damage to a document stops the program: it is answered or refused with a place")
    func damagedDocuments() throws {
        var dice = Seeded("damaged documents")
        var documents: [[UInt8]] = []
        for name in ["clock-rules.json", "other-kinds.json"] {
            let bytes = try FileBytes.read(Places.vectors + "/" + name, maxBytes: 1_000_000)
            documents += try #require(try JSONValue(parsing: bytes).array).map(\.bytes)
        }
        let letters = Array(#"0123456789-":,[]{}null.eE+TZ "#.utf8)
        var outcomes = (answered: 0, refused: 0, malformed: 0)
        for _ in 0..<1_500 {
            var bytes = documents[dice.int(0...documents.count - 1)]
            for _ in 0..<dice.int(1...3) { bytes[dice.int(0...bytes.count - 1)] = letters[dice.int(0...letters.count - 1)] }
            guard let document = try? JSONValue(parsing: bytes) else {  // not our business here
                outcomes.malformed += 1
                continue
            }
            do throws(Refusal) {
                _ = try SLAExplain.explain(document, trace: true)
                outcomes.answered += 1
            } catch {
                outcomes.refused += 1
                #expect(error.facts["pointer"] != nil && error.facts["remedy"]?.isEmpty == false)
            }
        }
        print("damaged documents: \(outcomes)")
        #expect(outcomes.answered > 0 && outcomes.refused > 0)
    }
}
