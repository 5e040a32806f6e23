/// Why TZif data cannot be used.
struct ZoneFileFailure: Error {
    let message: String
}

/// A stretch of time in which a zone's clocks keep one offset.
struct ZoneSpan {
    let offset: Int
    let abbreviation: String
    /// The first second that no longer belongs to it; nil when it never ends.
    let end: Int64?
}

/// The transitions of one TZif file, continued by its footer's rule up to the year 2100 and by the rule itself beyond.
struct ZoneTable: Sendable {
    private struct LocalType: Equatable {
        let offset: Int
        let abbreviation: String
    }

    /// Expanding the rule this far keeps all practical look-ups a binary search.
    private static let expandedThrough = 2100

    private var starts: [Int64] = []
    private var types: [Int] = []
    private var localTypes: [LocalType] = []
    private var rule: PosixZoneRule?

    /// Reads version 2 or later (64-bit data); version 1 alone cannot say what happens after 2037.
    init(tzif bytes: [UInt8]) throws(ZoneFileFailure) {
        var reader = ZoneFileReader(bytes)
        let legacy = try reader.header()
        guard legacy.version >= UInt8(ascii: "2") else {
            throw ZoneFileFailure(message: "it is of version 1, without 64-bit times")
        }
        try reader.skip(legacy.bodyBytes(timeBytes: 4))
        let header = try reader.header()
        guard header.leapCount == 0 else { throw ZoneFileFailure(message: "it counts leap seconds") }
        guard header.typeCount > 0 else { throw ZoneFileFailure(message: "it has no local time type") }
        for _ in 0..<header.timeCount { starts.append(try reader.int64()) }
        for _ in 0..<header.timeCount { types.append(Int(try reader.byte())) }
        var raw: [(offset: Int, name: Int)] = []
        for _ in 0..<header.typeCount {
            let offset = Int(try reader.int32())
            _ = try reader.byte()
            raw.append((offset, Int(try reader.byte())))
        }
        let names = try reader.bytes(header.nameBytes)
        try reader.skip(header.indicatorBytes)
        for type in raw {
            guard abs(type.offset) < 26 * 3600, type.name < names.count else {
                throw ZoneFileFailure(message: "a local time type is out of range")
            }
            let name = names[type.name...].prefix { $0 != 0 }
            localTypes.append(LocalType(offset: type.offset, abbreviation: String(decoding: name, as: UTF8.self)))
        }
        guard types.allSatisfy({ $0 < localTypes.count }), zip(starts, starts.dropFirst()).allSatisfy({ $0 < $1 }) else {
            throw ZoneFileFailure(message: "its transitions are out of order or range")
        }
        let footer = try reader.footer()
        if !footer.isEmpty {
            guard let rule = PosixZoneRule(footer) else { throw ZoneFileFailure(message: "its footer is no rule") }
            self.rule = rule
            expand(rule)
        }
    }

    /// The stretch that `second` (since 1970) lies in.
    func span(at second: Int64) -> ZoneSpan {
        var low = 0
        var high = starts.count
        while low < high {
            let middle = (low + high) / 2
            if starts[middle] <= second { low = middle + 1 } else { high = middle }
        }
        if low == starts.count, let rule { return rule.span(at: second) }
        // Before the first transition the first type holds (RFC 9636 §3.2).
        let type = localTypes[low == 0 ? 0 : types[low - 1]]
        return ZoneSpan(offset: type.offset, abbreviation: type.abbreviation, end: low < starts.count ? starts[low] : nil)
    }

    private mutating func expand(_ rule: PosixZoneRule) {
        guard rule.hasDaylight else { return }
        let last = starts.last ?? Int64.min
        let firstYear = starts.last.map { CivilDate(daysSince1970: Int($0.floorDivided(by: 86_400))).year } ?? 1970
        guard firstYear <= ZoneTable.expandedThrough else { return }
        for year in firstYear...ZoneTable.expandedThrough {
            for change in rule.changes(in: year) where change.at > last && change.at > (starts.last ?? Int64.min) {
                let wanted = LocalType(offset: change.offset, abbreviation: change.abbreviation)
                let index = localTypes.firstIndex(of: wanted) ?? localTypes.count
                if index == localTypes.count { localTypes.append(wanted) }
                starts.append(change.at)
                types.append(index)
            }
        }
    }
}

private struct ZoneFileHeader {
    let version: UInt8
    let utcCount, standardCount, leapCount, timeCount, typeCount, nameBytes: Int

    var indicatorBytes: Int { utcCount + standardCount }

    func bodyBytes(timeBytes: Int) -> Int {
        let times = timeCount * (timeBytes + 1)
        let leaps = leapCount * (timeBytes + 4)
        return times + typeCount * 6 + nameBytes + leaps + indicatorBytes
    }
}

private struct ZoneFileReader {
    private let data: [UInt8]
    private var at = 0

    init(_ data: [UInt8]) { self.data = data }

    mutating func header() throws(ZoneFileFailure) -> ZoneFileHeader {
        guard Array(try bytes(4)) == Array("TZif".utf8) else { throw ZoneFileFailure(message: "it is not TZif data") }
        let version = try byte()
        try skip(15)
        var counts: [Int] = []
        for _ in 0..<6 {
            let count = Int(try int32())
            guard count >= 0, count <= data.count else { throw ZoneFileFailure(message: "a count is out of range") }
            counts.append(count)
        }
        return ZoneFileHeader(
            version: version, utcCount: counts[0], standardCount: counts[1], leapCount: counts[2], timeCount: counts[3],
            typeCount: counts[4], nameBytes: counts[5])
    }

    mutating func byte() throws(ZoneFileFailure) -> UInt8 {
        guard at < data.count else { throw ZoneFileFailure(message: "it is cut short") }
        defer { at += 1 }
        return data[at]
    }

    mutating func bytes(_ count: Int) throws(ZoneFileFailure) -> [UInt8] {
        guard count <= data.count - at else { throw ZoneFileFailure(message: "it is cut short") }
        defer { at += count }
        return Array(data[at..<at + count])
    }

    mutating func skip(_ count: Int) throws(ZoneFileFailure) { _ = try bytes(count) }

    mutating func int32() throws(ZoneFileFailure) -> Int32 {
        var value: UInt32 = 0
        for byte in try bytes(4) { value = value << 8 | UInt32(byte) }
        return Int32(bitPattern: value)
    }

    mutating func int64() throws(ZoneFileFailure) -> Int64 {
        var value: UInt64 = 0
        for byte in try bytes(8) { value = value << 8 | UInt64(byte) }
        return Int64(bitPattern: value)
    }

    /// The POSIX TZ string between two line feeds.
    mutating func footer() throws(ZoneFileFailure) -> String {
        guard try byte() == 0x0A, let end = data[at...].firstIndex(of: 0x0A) else {
            throw ZoneFileFailure(message: "its footer is cut short")
        }
        defer { at = end + 1 }
        return String(decoding: data[at..<end], as: UTF8.self)
    }
}
