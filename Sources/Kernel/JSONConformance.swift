/// The strict reader against a folder of published JSON files: `test_parsing/` (JSONTestSuite), `profile.json` (what our
/// profile says where RFC 8259 leaves it open) and `strict.json` (cases of the profile with the expected tree).
package enum JSONConformance {
    private static let fileBytesMax = 4_194_304

    /// A fault when the folder cannot be read; everything else is in the tally.
    package static func run(directory: String) throws(Fault) -> ConformanceTally {
        var tally = ConformanceTally()
        let profile = try VectorFile.read(directory + "/profile.json", maxBytes: fileBytesMax)
        var verdicts: [String: Bool] = [:]
        for entry in profile["files"]?.array ?? [] {
            if let file = entry["file"]?.string, let accept = entry["accept"]?.bool { verdicts[file] = accept }
        }
        for name in try FileBytes.names(in: directory + "/test_parsing") where name.hasSuffix(".json") {
            let bytes = try FileBytes.read(directory + "/test_parsing/" + name, maxBytes: fileBytesMax)
            guard let wanted = verdicts[name] ?? byPrefix(name) else {
                tally.record(name, .skipped("RFC 8259 and the profile leave it open"))
                continue
            }
            tally.record(name, verdict(on: bytes, isAccepted: wanted, value: nil))
        }
        let strict = try VectorFile.read(directory + "/strict.json", maxBytes: fileBytesMax)
        for (index, entry) in (strict["cases"]?.array ?? []).enumerated() {
            let name = "strict/" + (entry["name"]?.string ?? "\(index)")
            let bytes = entry["text"]?.string.map { Array($0.utf8) } ?? entry["base64"]?.string.flatMap { Base64.decode($0) }
            guard let bytes, let wanted = entry["accept"]?.bool else {
                tally.record(name, .failed("the case cannot be read"))
                continue
            }
            tally.record(name, verdict(on: bytes, isAccepted: wanted, value: entry["value"]))
        }
        return tally
    }

    private static func byPrefix(_ name: String) -> Bool? {
        name.hasPrefix("y_") ? true : (name.hasPrefix("n_") ? false : nil)
    }

    private static func verdict(on bytes: [UInt8], isAccepted wanted: Bool, value: JSONValue?) -> ConformanceTally.Verdict {
        do throws(JSONParseFailure) {
            let read = try JSONValue(parsing: bytes)
            guard wanted else { return .failed("taken, but should be refused") }
            if let value, tree(of: read) != value { return .failed("read as \(tree(of: read).text)") }
            guard try JSONValue(parsing: read.text) == read, try JSONValue(parsing: read.prettyText) == read else {
                return .failed("written and read again, it differs")
            }
            return .passed
        } catch {
            return wanted ? .failed("refused at \(error)") : .passed
        }
    }

    /// The value in the notation of `strict.json`, which keeps member order and number text visible.
    private static func tree(of value: JSONValue) -> JSONValue {
        switch value {
        case .null: ["null": true]
        case .bool(let value): ["bool": .bool(value)]
        case .number(let number): ["number": .string(number.text)]
        case .string(let text): ["string": .string(text)]
        case .array(let items): ["array": .array(items.map(tree(of:)))]
        case .object(let object): ["object": .array(object.members.map { .array([.string($0.key), tree(of: $0.value)]) })]
        }
    }
}

/// A file of published cases, itself JSON; trees of values in it may nest deeper than our own documents.
package enum VectorFile {
    private static let depthMax = 512

    package static func read(_ path: String, maxBytes: Int = 16_777_216) throws(Fault) -> JSONValue {
        let bytes = try FileBytes.read(path, maxBytes: maxBytes)
        do throws(JSONParseFailure) {
            return try JSONValue(parsing: bytes, maxBytes: maxBytes, maxDepth: depthMax)
        } catch {
            throw Fault("reading \(path)", "\(error)", isRetryable: false, cause: error)
        }
    }

    /// Bytes of a hexadecimal text, spaces and line feeds left out; nil for anything else.
    package static func hexBytes(_ text: some StringProtocol) -> [UInt8]? {
        var out: [UInt8] = []
        var high: UInt8?
        for byte in text.utf8 where byte != 0x20 && byte != 0x0A && byte != 0x0D {
            guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue else { return nil }
            if let upper = high {
                out.append(upper << 4 | UInt8(digit))
                high = nil
            } else {
                high = UInt8(digit)
            }
        }
        return high == nil ? out : nil
    }
}
