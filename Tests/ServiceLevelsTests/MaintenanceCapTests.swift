import Kernel
import Testing

@testable import ServiceLevels

@Suite("maintenance that a month allows")
struct MaintenanceCapTests {
    private func window(_ announced: String, _ start: String, _ end: String) throws -> MaintenanceWindow {
        MaintenanceWindow(announcedAt: try at(announced), start: try at(start), end: try at(end))
    }

    private func spans(_ windows: [MaintenanceWindow]) -> [String] {
        windows.map { "\($0.start.text(fraction: 0)) \(($0.end.seconds - $0.start.seconds) / 60) min" }
    }

    @Test("the earliest of each month are left out until the month is used up; what was told too late uses nothing up")
    func capped() throws {
        // Two hours a month with a day's notice. July: 1 h, then a window told too late, then 2 h of which 1 h is left.
        // August begins anew.
        let windows = [
            try window("2026-06-01T00:00:00Z", "2026-07-20T10:00:00Z", "2026-07-20T12:00:00Z"),
            try window("2026-06-01T00:00:00Z", "2026-07-05T10:00:00Z", "2026-07-05T11:00:00Z"),
            try window("2026-07-10T09:00:00Z", "2026-07-10T10:00:00Z", "2026-07-10T14:00:00Z"),
            try window("2026-06-01T00:00:00Z", "2026-08-02T10:00:00Z", "2026-08-02T11:30:00Z"),
        ]
        let found = MaintenanceWindow.capped(
            windows, noticeSeconds: 86_400, capSeconds: 7200, calendar: try aroundTheClock())
        #expect(spans(found) == ["2026-07-05T10:00:00Z 60 min", "2026-07-20T10:00:00Z 60 min", "2026-08-02T10:00:00Z 90 min"])
    }

    @Test("only service time uses a month up, and months are those of the calendar's zone")
    func serviceTime() throws {
        // Thursday 30 July 15:00Z to Friday 31 July 09:00Z. In Berlin 17:00 to 11:00: service from 09:00 on Friday, 2 h, of which
        // 1 h is allowed. The night before uses nothing up.
        let night = try window("2026-07-01T00:00:00Z", "2026-07-30T15:00:00Z", "2026-07-31T09:00:00Z")
        let found = MaintenanceWindow.capped([night], noticeSeconds: 0, capSeconds: 3600, calendar: try officeHours())
        #expect(spans(found) == ["2026-07-31T07:00:00Z 60 min"])
        // 22:00Z on 31 July is August in Berlin: a window over that instant takes from both months.
        let zone = ServiceCalendar.always(in: try ZoneRules.load("Europe/Berlin"))
        let over = try window("2026-07-01T00:00:00Z", "2026-07-31T20:00:00Z", "2026-08-01T00:00:00Z")
        let both = MaintenanceWindow.capped([over], noticeSeconds: 0, capSeconds: 3600, calendar: zone)
        #expect(spans(both) == ["2026-07-31T20:00:00Z 60 min", "2026-07-31T22:00:00Z 60 min"])
    }
}
