import Kernel
import Testing

@testable import Console

@Suite("the line of a schedule")
struct ScheduleLineTests {
    private func drawn(_ line: ScheduleLine) -> String { line.shown.compactMap { ($0.value as? Markup)?.html }.joined() }

    @Test("times stand in proportion to the time between them, and words tell the same to whoever does not see it")
    func proportion() {
        let now = Moment(seconds: 1_784_200_000)
        func mark(_ hours: Int64, _ words: String) -> ScheduleLine.Mark {
            ScheduleLine.Mark(at: now.adding(seconds: hours * 3600), tone: .ok, words: words)
        }
        let line = ScheduleLine(past: [mark(-24, "started <a>")], next: [mark(72, "next b")], now: now, nowText: "12:00")
        let svg = drawn(line)
        #expect(svg.contains(#"class="ok" x="1%""#), "\(svg)")
        #expect(svg.contains(#"class="coming" x1="98%" x2="98%""#), "\(svg)")
        // A quarter of the way.
        #expect(svg.contains(#"class="nowline" x1="25.2%""#), "\(svg)")
        #expect(svg.contains("started &lt;a&gt;; next b"))
    }

    @Test("a schedule without any time is a line with now on it")
    func empty() {
        let svg = drawn(ScheduleLine(past: [], next: [], now: Moment(seconds: 0), nowText: "12:00"))
        #expect(svg.contains(#"class="nowline" x1="1%""#), "\(svg)")
    }
}
