/// Every limit of this room, by name. A document beyond one is refused; nothing here grows with what a caller sends.
package enum ServiceBounds {
    package static let windowsPerDayMax = 48
    package static let overridesMax = 4_000
    package static let calendarRevisionsMax = 1_000
    package static let contractVersionsMax = 1_000
    package static let warnPercentsMax = 20
    /// A warning may lie past the target, for reminders after a breach.
    package static let warnPercentMax = 1_000
    package static let pauseReasonsMax = 100
    package static let eventsMax = 10_000
    package static let maintenanceMax = 5_000
    package static let outagesMax = 20_000
    package static let tiersMax = 50
    package static let casesMax = 100_000
    package static let layersMax = 100
    package static let usersMax = 1_000
    package static let levelsMax = 50
    package static let repeatsMax = 100
    package static let documentsMax = 10_000
    package static let nameBytesMax = 200
    /// Ten years of counted time; a longer promise is none.
    package static let targetSecondsMax: Int64 = 315_576_000
    /// How far beyond `asOf` a projection looks for the service time it needs: forty years. A calendar that offers less has no
    /// due date, and the answer says so with null.
    package static let horizonSeconds: Int64 = 40 * 365 * 86_400
    /// The longest time between the first event of a clock and `asOf`: a century, so that no document makes us scan millennia.
    package static let spanSecondsMax: Int64 = 100 * 366 * 86_400
}
