/// Compares a palette's pairs, unrounded, with what WCAG 2.x asks: 4.5 for text and 3 for parts of the interface.
///
/// Derived themes always pass. The gate exists for a value that a person overrode, and names pair, ratio, need and the nearest
/// colour that passes.
package struct ContrastGate: Sendable {
    package struct Pair: Hashable, Sendable {
        package let name: String
        package let color: HexColor
        package let grounds: [HexColor]
        package let least: Double

        /// The lowest ratio to any ground.
        package var ratio: Double { color.worstContrast(to: grounds) }
        package var passes: Bool { ratio >= least }
    }

    package let isDark: Bool
    package let pairs: [Pair]

    package init(_ palette: Palette) {
        let grounds = palette.grounds
        var pairs: [Pair] = []
        for role in [Palette.Role.text, .text2, .text3, .link, .accentText] {
            pairs.append(Pair(name: role.rawValue, color: palette[role], grounds: grounds, least: 4.5))
        }
        for role in [Palette.Role.primary, .primaryHover, .primaryPress] {
            pairs.append(
                Pair(name: "on-primary on \(role.rawValue)", color: palette[.onPrimary], grounds: [palette[role]], least: 4.5))
        }
        for role in [Palette.Role.control, .focus, .accent] {
            pairs.append(Pair(name: role.rawValue, color: palette[role], grounds: grounds, least: 3))
        }
        pairs.append(
            Pair(name: "primary", color: palette[.primary], grounds: [palette[.surface], palette[.canvas]], least: 3))
        for signal in Palette.Signal.allCases {
            let colors = palette[signal]
            pairs.append(Pair(name: signal.rawValue, color: colors.mark, grounds: grounds + [colors.tint], least: 3))
            pairs.append(Pair(name: "\(signal.rawValue)-text", color: colors.text, grounds: grounds + [colors.tint], least: 4.5))
        }
        let tints = Palette.Signal.allCases.map { palette[$0].tint }
        pairs.append(Pair(name: "text on status tints", color: palette[.text], grounds: tints, least: 4.5))
        pairs.append(Pair(name: "text-2 on status tints", color: palette[.text2], grounds: tints, least: 4.5))
        self.isDark = palette.isDark
        self.pairs = pairs
    }

    package var failures: [Pair] { pairs.filter { !$0.passes } }

    /// The nearest colour of the same hue that passes in place of `pair.color`.
    package func nearestPassing(_ pair: Pair) -> HexColor {
        Palette.repaired(OKLCH(pair.color), against: pair.grounds, least: pair.least, isDark: isDark).color
    }
}
