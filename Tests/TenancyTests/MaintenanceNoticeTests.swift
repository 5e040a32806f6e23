import Kernel
import Testing

@testable import Tenancy

@Suite("notices of maintenance")
struct MaintenanceNoticeTests {
    private func at(_ hour: Int64) -> Moment { Moment(seconds: 1_784_000_000 + hour * 3600) }

    private func reason(_ body: () throws(Refusal) -> Void) -> String? {
        do throws(Refusal) {
            try body()
            return nil
        } catch {
            return error.reason
        }
    }

    @Test("what lies in the past, has no length, is too long or too far ahead is not announced")
    func announced() throws {
        let day: Int64 = 24
        let asked: [(Int64, Int64, String?)] = [
            (0, 1, nil), (-1, 1, "maintenance.past"), (1, 1, "maintenance.length"), (2, 1, "maintenance.length"),
            (1, 1 + 14 * day, nil), (1, 2 + 14 * day, "maintenance.length"), (400 * day, 400 * day + 1, nil),
            (400 * day + 1, 400 * day + 2, "maintenance.ahead"),
        ]
        for (start, end, wanted) in asked {
            let found = reason { () throws(Refusal) in
                let notice = try MaintenanceNotice.announced(from: at(start), to: at(end), at: at(0))
                #expect(notice.announcedAt == at(0))
            }
            #expect(found == wanted, "\(start) to \(end)")
        }
    }

    @Test("only a stretch inside the earlier one keeps its notice, and nothing is moved once it has begun")
    func moved() throws {
        let notice = try MaintenanceNotice.announced(from: at(48), to: at(52), at: at(0))
        for (start, end, told) in [(48, 52, 0), (49, 51, 0), (48, 53, 10), (47, 52, 10), (60, 62, 10)] as [(Int64, Int64, Int64)]
        {
            #expect(try notice.moved(from: at(start), to: at(end), at: at(10)).announcedAt == at(told), "\(start) to \(end)")
        }
        // A stretch that shrinks and grows again is not told as early as it first was.
        let grown = try notice.moved(from: at(49), to: at(50), at: at(10)).moved(from: at(48), to: at(52), at: at(20))
        #expect(grown.announcedAt == at(20))
        #expect(
            reason { () throws(Refusal) in _ = try notice.moved(from: at(60), to: at(61), at: at(48)) } == "maintenance.begun")
    }

    @Test("cancelling takes back what has not begun, ends what goes on, and leaves what is over")
    func cancelled() throws {
        let notice = try MaintenanceNotice.announced(from: at(48), to: at(52), at: at(0))
        #expect(try notice.cancelled(at: at(47)) == .before)
        #expect(try notice.cancelled(at: at(48)) == .before, "at its first instant nothing of it has been")
        #expect(
            try notice.cancelled(at: at(49)) == .during(MaintenanceNotice(announcedAt: at(0), start: at(48), end: at(49))))
        #expect(reason { () throws(Refusal) in _ = try notice.cancelled(at: at(52)) } == "maintenance.over")
    }
}
