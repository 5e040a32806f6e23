import Kernel
import TestBasics
import Testing

@Suite("instants and dates")
struct TimeTests {
    @Test("an instant is printed as RFC 3339 and read back")
    func roundTrip() {
        var random = Seeded("moment round trip")
        for _ in 0..<2000 {
            let moment = Moment(microseconds: Int64(random.int(-62_135_596_800_000_000...253_402_300_799_999_999)))
            #expect(Moment(moment.text(fraction: 6)) == moment)
            #expect(Moment(moment.text(fraction: 0)) == Moment(seconds: moment.seconds))
        }
    }

    @Test("offsets and fractions are understood")
    func readings() {
        let half = Moment("2026-07-14T08:30:00Z")
        #expect(half?.seconds == 1_784_017_800)
        #expect(Moment("2026-07-14T10:30:00+02:00") == half)
        #expect(Moment("2026-07-14t08:30:00.000000000z") == half)
        #expect(Moment("2026-07-14T08:30:00.1234567Z")?.microseconds == 1_784_017_800_123_456)
        #expect(half?.description == "2026-07-14T08:30:00Z")
    }

    @Test(
        "what is no RFC 3339 instant is refused",
        arguments: [
            "", "2026-07-14", "2026-07-14T08:30:00", "2026-02-30T00:00:00Z", "2026-07-14 08:30:00Z", "2026-07-14T24:00:00Z",
            "2026-07-14T08:60:00Z", "2026-07-14T08:30:00.Z", "2026-07-14T08:30:00+0200", "2026-07-14T08:30:00.1234567890Z",
            "2026-07-14T08:30:00+02:00x", "0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00",
        ])
    func refused(text: String) {
        #expect(Moment(text) == nil)
    }

    @Test("every date of four centuries counts up by one day, one weekday at a time")
    func calendar() throws {
        var date = try #require(CivilDate("1800-01-01"))
        var weekday = date.weekday
        #expect(weekday == 3)
        for _ in 0..<150_000 {
            let next = date.adding(days: 1)
            guard next > date, CivilDate(next.description) == next, next.weekday == weekday % 7 + 1 else {
                Issue.record("after \(date) comes \(next)")
                return
            }
            date = next
            weekday = next.weekday
        }
    }
}

@Suite("identifiers and randomness")
struct IdentifierTests {
    @Test("ids sort by the time they were made and carry version 7")
    func order() {
        let early = RunID(at: Moment(seconds: 1_000_000), entropy: .system)
        let late = RunID(at: Moment(seconds: 1_000_001), entropy: .system)
        #expect(early < late)
        #expect(early.text.utf8.count == 36)
        #expect(Array(early.text.utf8)[14] == UInt8(ascii: "7"))
        #expect(RunID(early.text) == early)
        #expect(RunID(early.text.uppercased()) == early)
    }

    @Test(
        "what is no id is refused",
        arguments: [
            "", "01890a5d-ac96-774b-bcce-b302099a805", "01890a5dac96-774b-bcce-b302099a8057a",
            "01890a5d-ac96-774b-bcce-b302099a8057a",
            "g1890a5d-ac96-774b-bcce-b302099a8057", "01890a5d_ac96-774b-bcce-b302099a8057",
        ])
    func refused(text: String) {
        #expect(RunID(text) == nil)
    }

    @Test("a lock lets one in at a time")
    func locked() async {
        let counter = Locked(0)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 { group.addTask { for _ in 0..<1000 { counter.withLock { $0 += 1 } } } }
        }
        #expect(counter.withLock { $0 } == 8000)
    }

    @Test("base64 has one spelling per value")
    func base64() {
        let samples: [(String, String)] = [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")]
        for (plain, coded) in samples {
            #expect(Base64.encode(Array(plain.utf8)) == coded)
            #expect(Base64.decode(coded) == Array(plain.utf8))
        }
        #expect(Base64.encode([0xFB, 0xFF], .url) == "-_8")
        for wrong in ["Zg", "Zg=", "Zh==", "Zg==\n", "Z", "Zm9v====", "Z=g=", "-_8="] {
            #expect(Base64.decode(wrong) == nil, "\(wrong)")
        }
        var random = Seeded("base64 round trip")
        for length in 0..<100 {
            let bytes = (0..<length).map { _ in UInt8(random.int(0...255)) }
            #expect(Base64.decode(Base64.encode(bytes)) == bytes)
            #expect(Base64.decode(Base64.encode(bytes, .url), .url) == bytes)
        }
    }
}
