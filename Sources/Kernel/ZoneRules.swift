/// The clock of one IANA zone: its offsets and abbreviations at every instant, read from TZif data (RFC 9636).
///
/// Local time comes from here alone, never from a platform library with zone data of its own: a deadline computed in March
/// must be explainable in December, so `version` is recorded with what was computed.
package struct ZoneRules: Sendable {
    /// The IANA name, such as `Europe/Paris`.
    package let identifier: String
    /// The tz release of the directory, such as `2026a`, or `unknown` when the directory does not say.
    package let version: String

    private let table: ZoneTable

    /// RFC 9636 bounds offsets to less than 26 hours either way.
    private static let offsetMax: Int64 = 26 * 3600
    private static let identifierBytesMax = 64
    private static let fileBytesMax = 1_048_576
    private static let cache = Locked<[String: ZoneRules]>([:])
    /// There are some 600 zones; beyond this the cache starts again.
    private static let cacheMax = 1024

    /// Reads a zone of `directory` once and keeps it; refuses unknown names (`zone.unknown`) and unusable files (`zone.data`).
    ///
    /// The name comes from tenants: only letters, digits, `_`, `+`, `-` in segments, and neither `posix` nor `right` data,
    /// the latter of which count leap seconds.
    package static func load(_ identifier: String, directory: String = "/usr/share/zoneinfo") throws(Refusal) -> ZoneRules {
        let key = directory + "\u{0}" + identifier
        if let known = cache.withLock({ $0[key] }) { return known }
        guard isPlain(identifier) else { throw unknown(identifier) }
        let bytes: [UInt8]
        do throws(Fault) {
            bytes = try FileBytes.read(directory + "/" + identifier, maxBytes: fileBytesMax)
        } catch { throw unknown(identifier) }
        let rules = try ZoneRules(identifier, tzif: bytes, version: release(of: directory))
        cache.withLock { zones in
            if zones.count >= cacheMax { zones.removeAll() }
            zones[key] = rules
        }
        return rules
    }

    /// Rules from the bytes of a TZif file, for data that does not come from a directory.
    package init(_ identifier: String, tzif bytes: [UInt8], version: String) throws(Refusal) {
        do throws(ZoneFileFailure) {
            table = try ZoneTable(tzif: bytes)
        } catch {
            throw Refusal(
                .invalid, reason: "zone.data", "The data of the time zone \(identifier) cannot be used: \(error.message).")
        }
        self.identifier = identifier
        self.version = version
    }

    /// Seconds that local clocks are ahead of UTC.
    package func offsetSeconds(at moment: Moment) -> Int { table.span(at: moment.seconds).offset }

    /// Such as `CEST`; numeric zones have `+03` and the like.
    package func abbreviation(at moment: Moment) -> String { table.span(at: moment.seconds).abbreviation }

    package func localTime(at moment: Moment) -> (date: CivilDate, secondOfDay: Int) {
        let local = moment.seconds + Int64(offsetSeconds(at: moment))
        let day = local.floorDivided(by: 86_400)
        return (CivilDate(daysSince1970: Int(day)), Int(local - day * 86_400))
    }

    /// The first instant at which the local clock of `date` reads `secondOfDay` (0 to 86 400) or later.
    ///
    /// A repeated wall time is its first occurrence and a skipped one the instant of the change; 86 400 is the first instant
    /// of the next date, even where that date has no midnight.
    package func instant(of date: CivilDate, secondOfDay: Int) -> Moment {
        precondition(secondOfDay >= 0 && secondOfDay <= 86_400, "second \(secondOfDay) of a day")
        let wanted = Int64(date.daysSince1970) * 86_400 + Int64(secondOfDay)
        // Before this every local clock reads less than `wanted`, whatever the offset.
        var from = wanted - ZoneRules.offsetMax
        while true {
            let span = table.span(at: from)
            let candidate = max(from, wanted - Int64(span.offset))
            guard let end = span.end, candidate >= end else { return Moment(seconds: candidate) }
            from = end
        }
    }

    private static func isPlain(_ identifier: String) -> Bool {
        guard identifier.utf8.count <= identifierBytesMax else { return false }
        let segments = identifier.split(separator: "/", omittingEmptySubsequences: false)
        guard let first = segments.first, first != "posix", first != "right", segments.count <= 3 else { return false }
        return segments.allSatisfy { segment in
            !segment.isEmpty
                && segment.utf8.allSatisfy { byte in
                    switch byte {
                    case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "+"), UInt8(ascii: "-"):
                        true
                    default: false
                    }
                }
        }
    }

    private static func unknown(_ identifier: String) -> Refusal {
        let shown = identifier.unicodeScalars.prefix(identifierBytesMax).map { $0.isASCII && $0.value >= 0x20 ? String($0) : "?" }
            .joined()
        return Refusal(
            .invalid, reason: "zone.unknown", "There is no time zone \(shown); names are those of IANA, such as Europe/Paris.",
            facts: ["zone": shown])
    }

    /// `tzdata.zi` begins with `# version 2026a`; other distributions keep a `+VERSION` file.
    private static func release(of directory: String) -> String {
        // A directory may lack either file; the answer is then the other one or "unknown", which is recorded as such.
        if let bytes = try? FileBytes.read(directory + "/tzdata.zi", maxBytes: fileBytesMax) {
            let line = String(decoding: bytes.prefix { $0 != 0x0A }.prefix(64), as: UTF8.self)
            let prefix = "# version "
            if line.hasPrefix(prefix) { return String(line.dropFirst(prefix.count)) }
        }
        // As above.
        if let bytes = try? FileBytes.read(directory + "/+VERSION", maxBytes: 64) {
            let line = String(decoding: bytes.prefix { $0 != 0x0A }, as: UTF8.self)
            if !line.isEmpty { return line }
        }
        return "unknown"
    }
}
