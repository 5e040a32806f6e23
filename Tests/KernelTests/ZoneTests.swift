import Kernel
import TestBasics
import Testing

@Suite("local time")
struct ZoneTests {
    private static let zones = [
        "Europe/Paris", "America/New_York", "America/Havana", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Casablanca",
        "Asia/Kolkata",
        "America/Sao_Paulo", "America/St_Johns", "Asia/Gaza", "Antarctica/Troll", "America/Nuuk", "Europe/Dublin", "UTC",
    ]

    private func date(_ text: String) throws -> CivilDate { try #require(CivilDate(text)) }

    @Test(
        "wall times map to the first instant that reads them or later",
        arguments: [
            ("Europe/Paris", "2026-07-14", 30_600, "2026-07-14T06:30:00Z"),
            ("Europe/Paris", "2026-03-29", 9_000, "2026-03-29T01:00:00Z"),  // 02:30 is skipped: the change itself
            ("Europe/Paris", "2026-10-25", 9_000, "2026-10-25T00:30:00Z"),  // 02:30 comes twice: the first
            ("Europe/Paris", "2026-10-24", 86_400, "2026-10-24T22:00:00Z"),
            ("America/Havana", "2024-03-10", 0, "2024-03-10T05:00:00Z"),  // midnight does not exist
            ("America/Havana", "2024-03-09", 86_400, "2024-03-10T05:00:00Z"),
            ("Pacific/Apia", "2011-12-30", 36_000, "2011-12-30T10:00:00Z"),  // the whole date does not exist
            ("America/St_Johns", "2006-10-28", 86_400, "2006-10-29T02:30:00Z"),  // back at 00:01: the first midnight counts
            ("America/St_Johns", "2006-10-29", 600, "2006-10-29T03:40:00Z"),  // 00:10 is reached only after the change
            ("Asia/Kolkata", "2150-01-01", 0, "2149-12-31T18:30:00Z"),
            ("Europe/Paris", "2150-07-01", 0, "2150-06-30T22:00:00Z"),
        ])
    func wallTimes(zone: String, day: String, second: Int, instant: String) throws {
        let rules = try ZoneRules.load(zone)
        #expect(rules.instant(of: try date(day), secondOfDay: second).description == instant)
    }

    @Test("offsets and abbreviations follow the seasons, in the table and beyond it")
    func offsets() throws {
        let paris = try ZoneRules.load("Europe/Paris")
        for (instant, offset, name) in [
            ("2026-03-29T00:59:59Z", 3600, "CET"), ("2026-03-29T01:00:00Z", 7200, "CEST"), ("2099-07-01T00:00:00Z", 7200, "CEST"),
            ("2100-12-31T23:59:59Z", 3600, "CET"), ("2101-07-01T00:00:00Z", 7200, "CEST"), ("2400-01-01T00:00:00Z", 3600, "CET"),
        ] {
            let moment = try #require(Moment(instant))
            #expect(paris.offsetSeconds(at: moment) == offset, "\(instant)")
            #expect(paris.abbreviation(at: moment) == name, "\(instant)")
        }
        #expect(paris.version != "unknown")
        let local = paris.localTime(at: try #require(Moment("2026-12-31T23:30:00.5Z")))
        #expect(local.date.description == "2027-01-01")
        #expect(local.secondOfDay == 1800)
    }

    @Test("no earlier instant reads the wall time or later", arguments: zones)
    func firstInstant(zone: String) throws {
        let rules = try ZoneRules.load(zone)
        var random = Seeded("first instant in \(zone)")
        for _ in 0..<60 {
            let day = CivilDate(daysSince1970: random.int(-18_000...80_000))
            let second = random.int(0...96) * 900
            let wanted = Int64(day.daysSince1970) * 86_400 + Int64(second)
            let found = rules.instant(of: day, secondOfDay: second)
            func reading(_ moment: Moment) -> Int64 { moment.seconds + Int64(rules.offsetSeconds(at: moment)) }
            #expect(reading(found) >= wanted, "\(day) \(second)")
            let earlier = stride(from: found.seconds - 1, to: found.seconds - 100_000, by: -299)
            #expect(earlier.allSatisfy { reading(Moment(seconds: $0)) < wanted }, "\(day) \(second)")
        }
    }

    @Test(
        "a zone's name cannot leave the directory",
        arguments: [
            "", "../../etc/passwd", "/etc/passwd", "Europe/../UTC", "Europe//Paris", ".", "right/UTC", "posix/UTC", "Europe",
            "europe/paris x", "tzdata.zi",
        ])
    func names(name: String) {
        #expect(#expect(throws: Refusal.self) { try ZoneRules.load(name) }?.reason == "zone.unknown")
    }

    @Test("data that is damaged anywhere is refused and never trusted half")
    func damage() throws {
        let bytes = try FileBytes.read("/usr/share/zoneinfo/Europe/Paris", maxBytes: 100_000)
        #expect(throws: Refusal.self) { try ZoneRules("X/Y", tzif: [], version: "test") }
        for length in stride(from: 0, to: bytes.count - 1, by: 7) {
            #expect(throws: Refusal.self) { try ZoneRules("X/Y", tzif: Array(bytes.prefix(length)), version: "test") }
        }
        var random = Seeded("damaged zone data")
        let noon = try #require(Moment("2026-01-01T12:00:00Z"))
        for _ in 0..<2000 {
            var copy = bytes
            for _ in 0..<3 { copy[random.int(0...copy.count - 1)] = UInt8(random.int(0...255)) }
            // Whatever is taken must answer without trapping; the answer itself may be wrong.
            if let rules = try? ZoneRules("X/Y", tzif: copy, version: "test") {
                _ = rules.instant(of: rules.localTime(at: noon).date, secondOfDay: 0)
            }
        }
    }
}
