package import Kernel

/// Texts that look alike, host names as typed, and Host headers, against a folder of published cases.
package enum UnicodeConformance {
    package static func run(directory: String) throws(Fault) -> ConformanceTally {
        var tally = ConformanceTally()
        for entry in try cases(directory, "strings") { tally.record("strings/\(name(entry))", strings(entry)) }
        for entry in try cases(directory, "idna") {
            let found = Result { () throws(HostName.Flaw) in try HostName(typed: entry["input"]?.string ?? "") }
            tally.record("idna/\(name(entry))", verdict(found, wanted: entry["ascii"]?.string, entry))
        }
        for entry in try cases(directory, "hosts") {
            let found = Result { () throws(HostName.Flaw) in try HostName(header: entry["header"]?.string ?? "") }
            tally.record("hosts/\(name(entry))", verdict(found, wanted: entry["host"]?.string, entry))
        }
        return tally
    }

    private static func verdict(
        _ found: Result<HostName, HostName.Flaw>, wanted: String?, _ entry: JSONValue
    ) -> ConformanceTally.Verdict {
        switch found {
        case .success(let host):
            guard let wanted else { return .failed("taken as \(host)") }
            return sameBytes(host.text, wanted) ? .passed : .failed("gave \(host)")
        case .failure(let flaw):
            return wanted == nil || entry["may_refuse"]?.bool == true ? .passed : .failed("refused: \(flaw)")
        }
    }

    private static func strings(_ entry: JSONValue) -> ConformanceTally.Verdict {
        let (a, b) = (entry["a"]?.string ?? "", entry["b"]?.string ?? "")
        var wrong: [String] = []
        if sameBytes(a, b) != entry["equal"]?.bool { wrong.append("equality") }
        func check(_ member: String, _ count: (String) -> Int) {
            if [count(a), count(b)] != (entry[member]?.array ?? []).compactMap(\.int) { wrong.append(member) }
        }
        check("code_points") { $0.unicodeScalars.count }
        check("utf8_bytes") { $0.utf8.count }
        check("utf16_units") { $0.utf16.count }
        if order(a.unicodeScalars.map(\.value), b.unicodeScalars.map(\.value)) != entry["order"]?.int { wrong.append("order") }
        if order(Array(a.utf8), Array(b.utf8)) != entry["order"]?.int { wrong.append("order of bytes") }
        if order(Array(a.utf16), Array(b.utf16)) != entry["order_utf16"]?.int { wrong.append("order of UTF-16") }
        if keyOrder(a, b) != entry["order_utf16"]?.int { wrong.append("order of canonical members") }
        return wrong.isEmpty ? .passed : .failed("differs in \(wrong.joined(separator: ", "))")
    }

    /// How the canonical form of an object orders two member names.
    private static func keyOrder(_ a: String, _ b: String) -> Int? {
        if sameBytes(a, b) { return 0 }
        let object = JSONValue.object(JSONObject([(key: a, value: 1), (key: b, value: 2)]))
        // Members that have no canonical form have no order.
        guard let bytes = try? object.canonicalBytes(), let written = try? JSONValue(parsing: bytes).object else { return nil }
        return written.keys.first.map { sameBytes($0, a) ? -1 : 1 }
    }

    private static func order<Unit: Comparable>(_ a: [Unit], _ b: [Unit]) -> Int {
        a == b ? 0 : (a.lexicographicallyPrecedes(b) ? -1 : 1)
    }

    private static func cases(_ directory: String, _ file: String) throws(Fault) -> [JSONValue] {
        try VectorFile.read("\(directory)/\(file).json")["cases"]?.array ?? []
    }

    private static func name(_ entry: JSONValue) -> String { entry["name"]?.string ?? "?" }
}
