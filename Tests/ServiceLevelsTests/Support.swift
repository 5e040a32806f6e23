import Glibc
import Kernel
import Testing

@testable import ServiceLevels

/// Where this project lies, by its real path, so that a link to it in another folder does not matter.
enum Places {
    static let project: String = {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        guard realpath(#filePath, &buffer) != nil else { return "." }
        var parts = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self).split(separator: "/")
        while !parts.isEmpty {
            parts.removeLast()
            let folder = "/" + parts.joined(separator: "/")
            if access(folder + "/Package.swift", F_OK) == 0 { return folder }
        }
        return "."
    }()

    static var vectors: String { project + "/Tests/ServiceLevelsTests/Vectors" }
    static var published: String { project + "/../shared/vectors/sla" }
}

/// The seed of this test run: `COUNTERSIGN_TEST_SEED` replays a printed one.
let testSeed: UInt64 =
    getenv("COUNTERSIGN_TEST_SEED").flatMap { UInt64(String(cString: $0)) } ?? UInt64.random(in: 0...UInt64.max)

/// SplitMix64: the same seed gives the same test.
struct Dice: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    mutating func roll(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &self) }
    mutating func isLucky(oneIn sides: Int) -> Bool { roll(1...sides) == 1 }
}

func at(_ text: String) throws -> Moment { try #require(Moment(text), "no instant: \(text)") }

func explained(_ text: String, trace: Bool = false) throws -> JSONValue {
    try SLAExplain.explain(try JSONValue(parsing: text), trace: trace)
}

/// Monday to Friday, 09:00 to 17:00 in Berlin.
func officeHours() throws -> ServiceCalendar {
    let nineToFive = [ServiceWindow(from: 9 * 3600, to: 17 * 3600)]
    return ServiceCalendar(
        zone: try ZoneRules.load("Europe/Berlin"), week: Dictionary(uniqueKeysWithValues: (1...5).map { ($0, nineToFive) }))
}

func aroundTheClock() throws -> ServiceCalendar { ServiceCalendar.always(in: try ZoneRules.load("UTC")) }
