import Kernel
import TestBasics
import Testing

@testable import ServiceLevels

enum Places {
    static let vectors = Checkout.root + "/Tests/ServiceLevelsTests/Vectors"
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
