import Kernel
import TestBasics
import Testing

@testable import Incidents

@Suite("how fast trouble is answered")
struct ResponseFiguresTests {
    private func incident(_ acknowledged: Int64?, _ resolved: Int64?) -> ResponseFigures.Case {
        let start = Moment(seconds: 1_783_000_000)
        return ResponseFigures.Case(
            openedAt: start, acknowledgedAt: acknowledged.map { start.adding(seconds: $0) },
            resolvedAt: resolved.map { start.adding(seconds: $0) })
    }

    @Test("the median and the ninth decile are times that an incident took, and what nobody answered is counted as left out")
    func figures() {
        // Ten answered in 10, 20, … 100 seconds, one never; the night of 9000 seconds moves neither figure of the others.
        let cases = (1...10).map { incident(Int64($0) * 10, $0 == 10 ? 9000 : 60) } + [incident(nil, nil)]
        let figures = ResponseFigures(cases)
        #expect(figures.toAcknowledge.n == 10 && figures.toAcknowledge.excluded == 1)
        #expect(figures.toAcknowledge.medianSeconds == 50 && figures.toAcknowledge.ninthDecileSeconds == 90)
        #expect(figures.toResolve.medianSeconds == 60 && figures.toResolve.ninthDecileSeconds == 60)
        let none = ResponseFigures([])
        #expect(none.toAcknowledge.n == 0 && none.toAcknowledge.medianSeconds == nil && none.toResolve.ninthDecileSeconds == nil)
        #expect(ResponseFigures([incident(7, nil)]).toAcknowledge.ninthDecileSeconds == 7)
    }

    @Test("at least half do not exceed the median, and at least nine tenths the ninth decile, whatever came in which order")
    func ranks() throws {
        var dice = Seeded("ranks of response times")
        for _ in 0..<200 {
            let values = (0..<dice.int(1...40)).map { _ in Int64(dice.int(0...50)) }
            let interval = ResponseFigures(values.map { incident($0, nil) }).toAcknowledge
            let (median, decile) = (try #require(interval.medianSeconds), try #require(interval.ninthDecileSeconds))
            #expect(
                values.filter { $0 <= median }.count * 2 >= values.count && values.filter { $0 < median }.count * 2 < values.count
            )
            #expect(values.filter { $0 <= decile }.count * 10 >= values.count * 9)
            #expect(values.filter { $0 < decile }.count * 10 < values.count * 9)
            #expect(interval == ResponseFigures(values.shuffled(using: &dice).map { incident($0, nil) }).toAcknowledge)
        }
    }
}
