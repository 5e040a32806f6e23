import Kernel
import Testing

@testable import Assets

@Suite("Schedules, as a folder has them")
struct ScheduleFileTests {
    private static let file = "operator/library/workflows/pay.yaml"

    private func issues(_ schedule: String) -> [LocatedIssue] {
        let lines = schedule.split(separator: "\n").map { "  \($0)" }.joined(separator: "\n")
        return SampleTree.issues([ScheduleFileTests.file: WorkflowSample.text + "schedule:\n\(lines)\n"])
    }

    @Test("a schedule of business days is right where its calendar is there")
    func sound() {
        let found = issues(
            """
            at: ["07:30"]
            zone: Europe/Berlin
            days: {business: office, nth: [1, last]}
            overlap: {policy: queue, most: 3}
            input: {case: {gross: {amount: "1.00"}}, day: "${ schedule.date }"}
            """)
        #expect(found.isEmpty, "\(found)")
        #expect(issues("every: {minutes: 15}\ncatchUp: none").isEmpty)
    }

    @Test("a calendar that is not there, and one that has no such day, are told with file, line and remedy")
    func calendars() {
        let missing = issues("at: [\"07:30\"]\nzone: UTC\ndays: {business: ofice}")
        #expect(missing.map(\.file) == [ScheduleFileTests.file], "\(missing)")
        #expect(missing.first?.remedy.contains("office") == true)
        let never = issues("at: [\"07:30\"]\nzone: UTC\ndays:\n  business: office\n  nth: [31]")
        #expect(never.count == 1 && never[0].message.contains("no run would ever begin"), "\(never)")
        let lines = WorkflowSample.text.split(separator: "\n", omittingEmptySubsequences: false).count
        #expect(never.first?.line == lines + 5, "\(never)")
    }

    @Test("a misspelt member is told with the nearest name")
    func misspelt() {
        let found = issues("evry: {minutes: 5}\nevery: PT5M")
        #expect(found.count == 1 && found[0].remedy.contains("every"), "\(found)")
    }
}
