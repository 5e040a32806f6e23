/// The canonical form against a folder of published cases of RFC 8785: `input`, `output` and `outhex` files, `numbers.json`,
/// `es6-numbers.json` (the hash of a generated number sequence) and `cases.json`.
package struct JCSConformance {
    /// Feeds bytes to a SHA-256 and reads the hash of everything fed so far. Injected: this room has no cryptography.
    package protocol Hasher {
        mutating func update(_ bytes: [UInt8])
        func digest() -> [UInt8]
    }

    private let makeHasher: () -> any Hasher
    private let linesMax: Int

    /// `linesMax` bounds the generated sequence: published hashes go to ten million lines.
    package static func run(
        directory: String, linesMax: Int = 100_000, makeHasher: @escaping () -> any Hasher
    ) throws(Fault) -> ConformanceTally {
        let conformance = JCSConformance(makeHasher: makeHasher, linesMax: linesMax)
        var tally = ConformanceTally()
        try conformance.files(directory, &tally)
        try conformance.cases(directory, &tally)
        try conformance.numbers(directory, &tally)
        try conformance.sequence(directory, &tally)
        return tally
    }

    private func canonical(_ bytes: [UInt8]) -> Result<[UInt8], JSONParseFailure> {
        do throws(JSONParseFailure) {
            return .success(try JSONValue(parsing: bytes).canonicalBytes())
        } catch { return .failure(error) }
    }

    private func files(_ directory: String, _ tally: inout ConformanceTally) throws(Fault) {
        for name in try FileBytes.names(in: directory + "/input") where name.hasSuffix(".json") {
            let input = try FileBytes.read(directory + "/input/" + name, maxBytes: 1_048_576)
            let output = try FileBytes.read(directory + "/output/" + name, maxBytes: 1_048_576)
            let hexText = try FileBytes.read(directory + "/outhex/" + name.dropLast(4) + "txt", maxBytes: 4_194_304)
            let wanted = VectorFile.hexBytes(String(decoding: hexText, as: UTF8.self))
            guard case .success(let form) = canonical(input) else {
                tally.record("input/" + name, .failed("refused"))
                continue
            }
            let trimmed = output.last == 0x0A ? Array(output.dropLast()) : output
            tally.record("input/" + name, isPassed: form == wanted && form == trimmed, String(decoding: form, as: UTF8.self))
        }
    }

    private func cases(_ directory: String, _ tally: inout ConformanceTally) throws(Fault) {
        for entry in try VectorFile.read(directory + "/cases.json")["cases"]?.array ?? [] {
            let name = "cases/" + (entry["name"]?.string ?? "?")
            let result = canonical(Array((entry["input"]?.string ?? "").utf8))
            switch result {
            case .failure(let failure):
                tally.record(name, isPassed: entry["error"]?.bool == true, "refused: \(failure)")
            case .success(let form):
                var hasher = makeHasher()
                hasher.update(form)
                let isSame = String(decoding: form, as: UTF8.self).utf8.elementsEqual((entry["output"]?.string ?? "").utf8)
                let isHash = hasher.digest().hexText == entry["sha256"]?.string
                tally.record(name, isPassed: isSame && isHash, String(decoding: form, as: UTF8.self))
            }
        }
    }

    private func numbers(_ directory: String, _ tally: inout ConformanceTally) throws(Fault) {
        for entry in try VectorFile.read(directory + "/numbers.json")["cases"]?.array ?? [] {
            let pattern = UInt64(entry["ieee754_hex"]?.string ?? "", radix: 16) ?? 0
            let printed = ECMAScriptNumber.text(of: Double(bitPattern: pattern))
            let wanted = entry["text"]?.string
            tally.record("numbers/" + (entry["name"]?.string ?? "?"), isPassed: printed == wanted, printed ?? "not finite")
        }
    }

    /// The sequence is generated: fixed patterns, 2000 after the smallest normal double, then doubles out of a hash chain.
    private func sequence(_ directory: String, _ tally: inout ConformanceTally) throws(Fault) {
        let file = try VectorFile.read(directory + "/es6-numbers.json", maxBytes: 1_048_576)
        var hashes: [Int: String] = [:]
        for entry in file["hashes"]?.array ?? [] {
            guard let lines = entry["lines"]?.int, let hash = entry["sha256"]?.string else { continue }
            hashes[lines] = hash
        }
        for lines in hashes.keys.sorted() where lines > linesMax {
            tally.record("es6-numbers/\(lines)", .skipped("beyond \(linesMax) lines"))
        }
        let fixed = (file["static"]?.array ?? []).compactMap { UInt64($0.string ?? "", radix: 16) }
        var hasher = makeHasher()
        var lines = 0
        var block = [UInt8](repeating: 0, count: 32)
        var pending: [UInt64] = fixed + (0..<2000).map { 0x0010_0000_0000_0000 + $0 }
        let last = hashes.keys.filter { $0 <= linesMax }.max() ?? 0
        while lines < last {
            var text: [UInt8] = []
            for pattern in pending {
                guard lines < last, let printed = ECMAScriptNumber.text(of: Double(bitPattern: pattern)) else { continue }
                text.append(contentsOf: "\(String(pattern, radix: 16)),\(printed)\n".utf8)
                lines += 1
                guard let wanted = hashes[lines] else { continue }
                hasher.update(text)
                text.removeAll()
                let found = hasher.digest().hexText
                tally.record("es6-numbers/\(lines)", isPassed: found == wanted, found)
            }
            hasher.update(text)
            var chain = makeHasher()
            chain.update(block)
            block = chain.digest()
            pending = doubles(of: block)
        }
    }

    private func doubles(of block: [UInt8]) -> [UInt64] {
        stride(from: 0, to: 32, by: 8).compactMap { start in
            var pattern: UInt64 = 0
            for byte in block[start..<start + 8].reversed() { pattern = pattern << 8 | UInt64(byte) }
            let double = Double(bitPattern: pattern)
            return double.isFinite && double != 0 ? pattern : nil
        }
    }
}
