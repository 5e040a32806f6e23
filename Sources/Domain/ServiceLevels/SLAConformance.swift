package import Kernel

/// Runs vectors: explain documents with an `id` and an `expect`, of which only the named fields are compared, and exactly.
package enum SLAConformance {
    package static let fileBytesMax = 64 * 1_048_576

    /// Every `.json` file of a directory, in order of names; each is one vector or an array of them.
    package static func run(directory: String) throws(Fault) -> ConformanceTally {
        var tally = ConformanceTally()
        for name in try FileBytes.names(in: directory) where name.hasSuffix(".json") {
            tally.add(run(file: name, bytes: try FileBytes.read(directory + "/" + name, maxBytes: fileBytesMax)))
        }
        return tally
    }

    /// The vectors of one file; a file that is no JSON, or a vector without id or expectation, is a failure and not a skip.
    package static func run(file: String, bytes: [UInt8]) -> ConformanceTally {
        var tally = ConformanceTally()
        let document: JSONValue
        do throws(JSONParseFailure) {
            document = try JSONValue(parsing: bytes, maxBytes: fileBytesMax)
        } catch {
            tally.record(file, .failed("line \(error.line), column \(error.column): \(error.message)"))
            return tally
        }
        for (index, vector) in (document.array ?? [document]).enumerated() {
            let id = vector["id"]?.string ?? "\(file)#\(index)"
            guard let expect = vector["expect"] else {
                tally.record(id, .failed("there is no expect"))
                continue
            }
            do throws(Refusal) {
                let answer = try SLAExplain.explain(vector)
                let differences = compare(answer, expect)
                tally.record(id, isPassed: differences.isEmpty, differences.joined(separator: "; "))
            } catch {
                tally.record(id, .failed(error.message))
            }
        }
        return tally
    }

    private static func compare(_ answer: JSONValue, _ expect: JSONValue) -> [String] {
        guard let fields = expect.object, answer.object != nil else {
            return answer == expect ? [] : ["\(answer.text) instead of \(expect.text)"]
        }
        return fields.members.compactMap { field in
            guard let got = answer[field.key] else { return "\(field.key) is missing" }
            return got == field.value ? nil : "\(field.key) is \(got.text) instead of \(field.value.text)"
        }
    }
}
