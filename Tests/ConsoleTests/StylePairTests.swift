import Branding
import Kernel
import TestBasics
import Testing

@testable import Console

@Suite("colours as the stylesheet uses them")
struct StylePairTests {
    private struct Use: Hashable {
        let selector: String
        let color: String
        let ground: String
    }

    /// Rules that set text and ground at once, and for those that set text alone the ground of the page.
    private static func uses() throws -> [Use] {
        let file = try #require(try PageRenderer.load().assets.file(named: "console.css"))
        let css = String(decoding: file.bytes, as: UTF8.self)
        var found: Set<Use> = []
        for rule in css.split(separator: "}") {
            let parts = rule.split(separator: "{")
            guard parts.count >= 2, let body = parts.last, let selector = parts.dropLast().last else { continue }
            var (color, ground): (String?, String?)
            for declaration in body.split(separator: ";") {
                let sides = declaration.split(separator: ":", maxSplits: 1).map { $0.filter { !$0.isWhitespace } }
                guard sides.count == 2, sides[1].hasPrefix("var(--") else { continue }
                let name = String(sides[1].dropFirst(6).prefix { $0 != ")" && $0 != "," })
                if sides[0] == "color" { color = name }
                if sides[0] == "background" { ground = name }
            }
            guard let color, !selector.contains("disabled"), !selector.contains("svg") else { continue }
            found.insert(Use(selector: String(selector), color: color, ground: ground ?? "surface"))
        }
        return found.sorted { $0.selector < $1.selector }
    }

    private static func color(_ name: String, in palette: Palette) -> HexColor? {
        if let role = Palette.Role(rawValue: name) { return palette[role] }
        for signal in Palette.Signal.allCases where name.hasPrefix(signal.rawValue) {
            switch name.dropFirst(signal.rawValue.count) {
            case "": return palette[signal].mark
            case "-text": return palette[signal].text
            case "-tint": return palette[signal].tint
            case "-line": return palette[signal].line
            default: break
            }
        }
        return nil
    }

    @Test("every text can be read on the ground that its own rule gives it, in any brand and both themes")
    func pairsUsed() throws {
        let uses = try StylePairTests.uses()
        #expect(uses.count > 60, "the stylesheet was not understood: \(uses.count) uses")
        var dice = Seeded("brands worn by the stylesheet")
        var themes = Samples.brands.map(\.theme)
        for _ in 0..<40 {
            func any() -> HexColor {
                HexColor(red: UInt8(dice.int(0...255)), green: UInt8(dice.int(0...255)), blue: UInt8(dice.int(0...255)))
            }
            themes.append(BrandTheme.derive(primary: any(), accent: any()))
        }
        // Marks beside words are parts of the interface, for which 3 to 1 is enough.
        let marks = Set(Palette.Signal.allCases.map(\.rawValue) + ["accent", "primary", "control", "line-2"])
        for theme in themes {
            for palette in [theme.light, theme.dark] {
                for use in uses {
                    guard let text = StylePairTests.color(use.color, in: palette),
                        let ground = StylePairTests.color(use.ground, in: palette)
                    else {
                        Issue.record("\(use.selector) uses a colour that no palette has: \(use.color) on \(use.ground)")
                        continue
                    }
                    let least = marks.contains(use.color) ? 3 : 4.5
                    let ratio = text.contrast(to: ground)
                    #expect(
                        ratio >= least,
                        "\(use.selector): \(use.color) on \(use.ground) \(ContrastReport.text(ratio)), \(theme.primary)")
                }
            }
        }
    }
}
