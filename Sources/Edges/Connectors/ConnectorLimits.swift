import Kernel

/// Bounds of a connection; a tenant's own settings may override each.
package struct ConnectorLimits: Sendable, Equatable {
    package var ratePerSecond: Int
    package var concurrency: Int
    package var connectTimeoutSeconds: Int
    package var totalTimeoutSeconds: Int
    package var answerBytesMax: Int
    /// Writes at one time: one, unless the system is known to bear more. Many ERPs lock a number sequence and answer the rest
    /// with 503.
    package var writers: Int
    /// Requests a day, by the clock of Greenwich; 0 is no bound. What a vendor sells by the day is spent by all tasks together.
    package var perDay: Int

    static let names = [
        "ratePerSecond", "concurrency", "connectTimeoutSeconds", "totalTimeoutSeconds", "answerBytesMax", "writers", "perDay",
    ]
    static let perDayMax = 10_000_000
    /// Modest enough for every system of which nothing else is known.
    static let standard = ConnectorLimits(
        ratePerSecond: 10, concurrency: 4, connectTimeoutSeconds: 5, totalTimeoutSeconds: 30, answerBytesMax: 4_194_304,
        writers: 1, perDay: 0)

    static func parse(
        _ json: JSONValue?, at pointer: String, over base: ConnectorLimits = .standard, issues: inout [AssetIssue]
    ) -> ConnectorLimits? {
        guard let json else { return base }
        guard let reader = MappingReader(json, at: pointer, "The limits", names, issues: &issues) else { return nil }
        return ConnectorLimits(
            ratePerSecond: reader.int("ratePerSecond", in: 1...1_000, otherwise: base.ratePerSecond, issues: &issues),
            concurrency: reader.int("concurrency", in: 1...64, otherwise: base.concurrency, issues: &issues),
            connectTimeoutSeconds: reader.int(
                "connectTimeoutSeconds", in: 1...60, otherwise: base.connectTimeoutSeconds, issues: &issues),
            totalTimeoutSeconds: reader.int(
                "totalTimeoutSeconds", in: 1...120, otherwise: base.totalTimeoutSeconds, issues: &issues),
            answerBytesMax: reader.int("answerBytesMax", in: 1_024...26_214_400, otherwise: base.answerBytesMax, issues: &issues),
            writers: reader.int("writers", in: 1...16, otherwise: base.writers, issues: &issues),
            perDay: reader.int("perDay", in: 0...perDayMax, otherwise: base.perDay, issues: &issues))
    }
}
