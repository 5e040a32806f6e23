import TestBasics
import Testing

@testable import Branding

@Suite("what was set by hand is judged")
struct ContrastReportTests {
    private func color(_ text: String) throws -> HexColor { try #require(HexColor(text)) }

    @Test("the ratios of the published examples come out to the last digit shown")
    func vectors() throws {
        let pairs: [(String, String, Double)] = [
            ("#000000", "#ffffff", 21), ("#767676", "#ffffff", 4.5422), ("#777777", "#ffffff", 4.4781),
            ("#0000ff", "#ffffff", 8.5925), ("#ff0000", "#ffffff", 3.9985), ("#949494", "#ffffff", 3.0335),
            ("#959595", "#ffffff", 2.9953),
        ]
        for (first, second, ratio) in pairs {
            let found = try color(first).contrast(to: color(second))
            #expect(abs(found - ratio) < 0.0001, "\(first) on \(second): \(found)")
        }
        #expect(ContrastReport.text(4.4999) == "4.49")
        #expect(ContrastReport.text(3) == "3.00")
    }

    @Test("any two colours make a brand that passes in both themes, as long as nobody sets a colour by hand")
    func derivedPass() {
        var dice = Seeded("two colours to a whole brand")
        for _ in 0..<300 {
            let bytes = (0..<6).map { _ in UInt8(dice.int(0...255)) }
            let theme = BrandTheme.derive(
                primary: HexColor(red: bytes[0], green: bytes[1], blue: bytes[2]),
                accent: HexColor(red: bytes[3], green: bytes[4], blue: bytes[5]))
            let report = ContrastReport(theme)
            #expect(report.passes, "\(theme.primary) \(theme.accent): \(report.failures)")
            #expect(report.repairs.isEmpty)
        }
    }

    @Test("a colour that is too light is named with its ratio, and the repair passes")
    func tooLight() throws {
        var chosen = BrandTheme.Chosen(light: [.accent: try color("#d9b44a")])
        let (primary, accent) = (try color("#6b2346"), try color("#b88a2e"))
        let report = ContrastReport(BrandTheme.derive(primary: primary, accent: accent, chosen: chosen), chosen: chosen)
        #expect(report.failures.map(\.name) == ["accent"])
        let repair = try #require(report.repairs.first)
        #expect((repair.role, repair.isDark, repair.needs) == (.accent, false, 3))
        #expect(repair.ratio < 3)
        #expect(repair.color != nil)
        chosen.light[.accent] = repair.color
        #expect(ContrastReport(BrandTheme.derive(primary: primary, accent: accent, chosen: chosen), chosen: chosen).passes)
    }

    @Test("every repair taken, one after another, ends in a brand that passes")
    func repairsEnd() {
        var dice = Seeded("colours set by hand and repaired")
        let roles: [Palette.Role] = [.text, .text2, .link, .accent, .primary, .onPrimary, .surface, .canvas]
        for _ in 0..<200 {
            func any() -> HexColor {
                HexColor(red: UInt8(dice.int(0...255)), green: UInt8(dice.int(0...255)), blue: UInt8(dice.int(0...255)))
            }
            var chosen = BrandTheme.Chosen()
            for _ in 0..<dice.int(1...4) {
                let role = dice.pick(roles) ?? .text
                if dice.isLucky(oneIn: 2) { chosen.dark[role] = any() } else { chosen.light[role] = any() }
            }
            let first = chosen
            let (primary, accent) = (any(), any())
            var rounds = 0
            while rounds < 40 {
                let report = ContrastReport(
                    BrandTheme.derive(primary: primary, accent: accent, chosen: chosen), chosen: chosen)
                if report.passes { break }
                #expect(!report.repairs.isEmpty, "\(first): \(report.failures)")
                guard let repair = report.repairs.first else { break }
                if repair.isDark { chosen.dark[repair.role] = repair.color } else { chosen.light[repair.role] = repair.color }
                rounds += 1
            }
            #expect(rounds < 40, "\(first) never ends")
        }
    }

    @Test("a brand may be light only, and its stylesheet has no half for the dark then")
    func modes() throws {
        let (primary, accent) = (try color("#6b2346"), try color("#b88a2e"))
        let light = BrandTheme.derive(primary: primary, accent: accent, mode: .light).css
        #expect(!light.contains("prefers-color-scheme") && light.contains("forced-colors"))
        #expect(BrandTheme.derive(primary: primary, accent: accent, mode: .dark).css.hasPrefix(":root{--r:6px"))
        #expect(BrandTheme.derive(primary: primary, accent: accent, baseSize: 18).css.contains("font-size:112%"))
    }
}
