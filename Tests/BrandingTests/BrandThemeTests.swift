import Kernel
import TestBasics
import Testing

@testable import Branding

@Suite("from two colours to a theme")
struct BrandThemeTests {
    static let lightTable: [(String, String)] = [
        ("canvas", "#f4f7f9"), ("surface", "#ffffff"), ("sunken", "#eef2f3"), ("raised", "#ffffff"), ("hover", "#f0f3f5"),
        ("tint", "#e6f0f5"),
        ("line", "#dce0e3"), ("line-2", "#c8cdcf"), ("text", "#1a1f22"), ("text-2", "#505659"), ("text-3", "#666d70"),
        ("control", "#848a8d"),
        ("primary", "#1d4e63"), ("on-primary", "#ffffff"), ("primary-hover", "#0e4256"), ("primary-press", "#01384d"),
        ("link", "#1d4e63"),
        ("focus", "#1d4e63"), ("primary-line", "#6b8c9c"), ("accent", "#b5652a"), ("accent-text", "#a55617"),
        ("accent-tint", "#ffece0"),
        ("ok", "#359658"), ("ok-text", "#1a6c3a"), ("ok-tint", "#e6f8ea"), ("warn", "#b17000"), ("warn-text", "#7d4f08"),
        ("warn-tint", "#fef0e0"),
        ("bad", "#d24d45"), ("bad-text", "#9c302a"), ("bad-tint", "#ffeeec"), ("info", "#2d86c8"), ("info-text", "#115f94"),
        ("info-tint", "#e9f4fe"), ("person", "#8e6ac7"), ("person-text", "#664993"), ("person-tint", "#f4f0fe"),
    ]
    static let darkTable: [(String, String)] = [
        ("canvas", "#0d1113"), ("surface", "#16191b"), ("sunken", "#090d0f"), ("raised", "#1f2325"), ("hover", "#1e2224"),
        ("tint", "#1d2d34"),
        ("line", "#2c3133"), ("line-2", "#404447"), ("text", "#e7eef2"), ("text-2", "#b2b9bc"), ("text-3", "#8d9397"),
        ("control", "#707578"),
        ("primary", "#6fa0b8"), ("on-primary", "#0b0e0f"), ("primary-hover", "#7badc5"), ("primary-press", "#84b6ce"),
        ("link", "#81b3cb"),
        ("focus", "#81b3cb"), ("primary-line", "#5a7a89"), ("accent", "#cd7b42"), ("accent-text", "#e18d55"),
        ("accent-tint", "#3d2311"),
        ("ok", "#5ebc7b"), ("ok-text", "#8dd09f"), ("ok-tint", "#162e1d"), ("warn", "#d8953d"), ("warn-text", "#e6b377"),
        ("warn-tint", "#35240e"),
        ("bad", "#fd7468"), ("bad-text", "#fda197"), ("bad-tint", "#3f1c18"), ("info", "#56acf0"), ("info-text", "#87c5f9"),
        ("info-tint", "#142a3b"), ("person", "#b28fef"), ("person-text", "#c8aef8"), ("person-tint", "#2b223b"),
    ]

    @Test("the operator's own colours become exactly the palette that was drawn", arguments: [false, true])
    func standardPalette(isDark: Bool) throws {
        let theme = BrandTheme.standard
        let palette = isDark ? theme.dark : theme.light
        let css = isDark ? String(theme.css.split(separator: "\n")[2]) : String(theme.css.split(separator: "\n")[0])
        for (name, wanted) in isDark ? Self.darkTable : Self.lightTable {
            #expect(css.contains("--\(name):\(wanted);"), "\(name) of the \(isDark ? "dark" : "light") theme")
        }
        #expect(palette.isDark == isDark)
    }

    @Test(
        "partners' colours keep their bytes where they can and move in lightness where they must",
        arguments: [
            ["#6b2346", "#b88a2e", "#6b2346", "#cd7b9d", "#ae8122", "#b88a2e"],
            ["#3b4fc4", "#0e8f86", "#3b4fc4", "#728ffe", "#0e8f86", "#35a69c"],
            ["#b7e13c", "#ffd84d", "#637d07", "#a1ca11", "#a1840a", "#ffd84d"],
        ])
    func vectors(row: [String]) throws {
        let primary = try #require(HexColor(row[0]))
        let accent = try #require(HexColor(row[1]))
        let theme = BrandTheme.derive(primary: primary, accent: accent)
        let got = [theme.light[.primary], theme.dark[.primary], theme.light[.accent], theme.dark[.accent]].map(\.description)
        #expect(got == Array(row[2...]))
    }

    @Test("no two colours make a page that cannot be read")
    func noInputFails() {
        var state: UInt64 = 0x5EED_2026_1117
        print("seed \(state)")
        func next() -> HexColor {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return HexColor(
                red: UInt8(truncatingIfNeeded: state >> 40), green: UInt8(truncatingIfNeeded: state >> 24),
                blue: UInt8(truncatingIfNeeded: state >> 8))
        }
        var (lowestText, lowestPart) = (21.0, 21.0)
        for _ in 0..<3000 {
            let theme = BrandTheme.derive(primary: next(), accent: next())
            for palette in [theme.light, theme.dark] {
                for pair in ContrastGate(palette).pairs {
                    if pair.least == 4.5 {
                        lowestText = min(lowestText, pair.ratio)
                    } else {
                        lowestPart = min(lowestPart, pair.ratio)
                    }
                    if !pair.passes { Issue.record("\(pair.name) has \(pair.ratio) for \(theme.primary) and \(theme.accent)") }
                }
            }
        }
        print("3000 pairs, lowest text ratio \(lowestText), lowest part ratio \(lowestPart)")
        #expect(lowestText >= 4.5)
        #expect(lowestPart >= 3)
    }

    @Test("the gate names 24 pairs, and for a failing one the nearest colour that passes")
    func gate() throws {
        let gate = ContrastGate(BrandTheme.standard.light)
        #expect(gate.pairs.count == 24)
        #expect(gate.failures.isEmpty)
        let yellow = try #require(HexColor("#d9b44a"))
        let grounds = BrandTheme.standard.light.grounds
        let pair = ContrastGate.Pair(name: "accent", roles: [], color: yellow, grounds: grounds, least: 3)
        #expect(!pair.passes)
        #expect(gate.nearestPassing(pair).worstContrast(to: pair.grounds) >= 3)
    }

    @Test("a red brand is told that its buttons look like failure")
    func nearFailure() throws {
        #expect(BrandTheme.derive(primary: try #require(HexColor("#c0302a")), accent: .black).isPrimaryNearFailure)
        #expect(!BrandTheme.standard.isPrimaryNearFailure)
    }

    @Test("a stylesheet holds colours and nothing a partner could smuggle in")
    func stylesheet() {
        let css = BrandTheme.derive(primary: .black, accent: .white, radius: 99, headingFont: .bookSerif).css
        #expect(css.contains("--r:12px"))
        #expect(!css.contains("url("))
        #expect(!css.contains("@import"))
        #expect(css.contains("forced-colors:active"))
    }

    @Test("contrast, luminance and what counts as a colour agree with the shared cases")
    func sharedVectors() throws {
        var passed = 0
        for item in try cases("contrast") {
            let first = try #require(HexColor(item["a"]?.string ?? ""))
            let second = try #require(HexColor(item["b"]?.string ?? ""))
            guard case .number(let wanted) = item["ratio"], let ratio = Double(wanted.text) else { continue }
            let got = first.contrast(to: second)
            #expect(abs(got - ratio) < 0.000_001)
            #expect((got >= 4.5) == item["text"]?.bool)
            #expect((got >= 3) == item["ui"]?.bool)
            passed += 1
        }
        for item in try cases("luminance") {
            let color = try #require(HexColor(item["color"]?.string ?? ""))
            guard case .number(let wanted) = item["luminance"], let luminance = Double(wanted.text) else { continue }
            #expect(abs(color.luminance - luminance) < 0.000_001)
            let text: HexColor = color.contrast(to: .white) > color.contrast(to: .black) ? .white : .black
            #expect(text.description == item["text"]?.string)
            passed += 1
        }
        for item in try cases("colors") {
            #expect((HexColor(item["color"]?.string ?? "x") != nil) == item["ok"]?.bool)
            passed += 1
        }
        print("wcag: \(passed) passed")
    }

    /// The published cases of a kind; none where they are not installed.
    private func cases(_ kind: String) throws -> [JSONValue] {
        guard let file = Checkout.published("vectors/wcag/\(kind).json") else { return [] }
        return try #require(try JSONValue(parsing: try FileBytes.read(file, maxBytes: 16_777_216))["cases"]?.array)
    }
}
