import Kernel
import Testing

@testable import Console

@Suite("drawings")
struct DrawingTests {
    @Test("a gate is drawn with two strokes and its signatures with lines")
    func gate() {
        let html = PageTests.console.html(Samples.run(Samples.brands[0]))
        #expect(html.contains("class=\"gate\""))
        #expect(html.contains("sign-line signed"))
        #expect(html.contains("sign-line yours"))
        #expect(html.contains("href=\"#step-approve\""))
        #expect(html.contains("id=\"step-approve\""))
    }

    @Test("a definition with too many steps draws the first and says so")
    func bounded() {
        let nodes = (0..<300).map { DiagramModel.Node(id: "\($0)", title: "Step \($0)", status: .done, column: $0) }
        let model = DiagramModel(
            nodes: nodes, edges: [DiagramModel.Edge(from: "0", to: "1"), DiagramModel.Edge(from: "9", to: "absent")])
        let drawing = DiagramDrawing(model).markup.html
        #expect(drawing.split(separator: "class=\"node ").count - 1 == DiagramModel.nodesMax)
        #expect(DiagramDrawing(DiagramModel(nodes: [], edges: [])).markup.html.contains("<svg"))
    }

    @Test("a timeline of one instant, of none, and of a century still has an axis")
    func extremes() {
        let now = Samples.now
        for steps in [
            [], [TimelineStep(id: "a", title: "A", status: .done, start: now, end: now)],
            [TimelineStep(id: "a", title: "A", status: .running, start: Moment(seconds: 0))],
            [
                TimelineStep(
                    id: "a", title: "A", status: .done, start: Moment(microseconds: .min / 4), end: Moment(seconds: 4_000_000_000)
                )
            ],
        ] {
            let timeline = Timeline(steps: steps, closed: [now..<now.adding(seconds: 60)], time: Samples.time)
            #expect(timeline.ticks.count <= 12)
            #expect(timeline.rows.count == steps.count)
        }
    }

    @Test("a closed night takes a fixed share of the gauge, however long it is")
    func gauge() {
        let short = Samples.service(Samples.brands[0]).gauges[0]
        let html = short.shown.compactMap { $0.value as? Markup }.first?.html ?? ""
        #expect(html.contains("class=\"over\""))
        #expect(html.contains("url(#hatch)"))
        #expect(html.contains("due 16:10"))
    }

    @Test("a late clock overhangs its end and an odd share stays inside")
    func clockBar() {
        #expect(ClockBar(countedPermille: 1100).drawing.html.contains("count-bad\" x=\"56\""))
        #expect(ClockBar(countedPermille: -5).drawing.html.contains("width=\"0\""))
        #expect(ClockBar(countedPermille: 850).drawing.html.contains("count-warn"))
        #expect(!ClockBar(countedPermille: .max).drawing.html.contains("count-warn"))
    }

    @Test("every status and every icon has its drawing in the sprite")
    func sprite() throws {
        let file = try #require(PageTests.console.assets.file(named: "icons.svg"))
        let sprite = String(decoding: file.bytes, as: UTF8.self)
        for status in Status.allCases { #expect(sprite.contains("<symbol id=\"s-\(status.rawValue)\""), "\(status)") }
        for icon in Icon.allCases { #expect(sprite.contains("<symbol id=\"\(icon.rawValue)\""), "\(icon)") }
    }
}
