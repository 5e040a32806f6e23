/// Compares a palette's pairs, unrounded, with what WCAG 2.x asks: 4.5 for text and 3 for parts of the interface.
///
/// Derived themes always pass. The gate exists for a value that a person overrode, and names pair, ratio, need and the nearest
/// colour that passes.
package struct ContrastGate: Sendable {
    package struct Pair: Hashable, Sendable {
        package let name: String
        /// Whose colour it is, and then whose the ground is where it has one role; empty for status colours.
        package let roles: [Palette.Role]
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
            pairs.append(Pair(name: role.rawValue, roles: [role], color: palette[role], grounds: grounds, least: 4.5))
        }
        for role in [Palette.Role.primary, .primaryHover, .primaryPress] {
            pairs.append(
                Pair(
                    name: "on-primary on \(role.rawValue)", roles: [.onPrimary, role], color: palette[.onPrimary],
                    grounds: [palette[role]], least: 4.5))
        }
        for role in [Palette.Role.control, .focus, .accent] {
            pairs.append(Pair(name: role.rawValue, roles: [role], color: palette[role], grounds: grounds, least: 3))
        }
        pairs.append(
            Pair(
                name: "primary", roles: [.primary], color: palette[.primary],
                grounds: [palette[.surface], palette[.canvas]], least: 3))
        for signal in Palette.Signal.allCases {
            let colors = palette[signal]
            let behind = grounds + [colors.tint]
            pairs.append(Pair(name: signal.rawValue, roles: [], color: colors.mark, grounds: behind, least: 3))
            pairs.append(Pair(name: "\(signal.rawValue)-text", roles: [], color: colors.text, grounds: behind, least: 4.5))
        }
        let tints = Palette.Signal.allCases.map { palette[$0].tint }
        pairs.append(Pair(name: "text on status tints", roles: [.text], color: palette[.text], grounds: tints, least: 4.5))
        pairs.append(Pair(name: "text-2 on status tints", roles: [.text2], color: palette[.text2], grounds: tints, least: 4.5))
        self.isDark = palette.isDark
        self.pairs = pairs
    }

    package var failures: [Pair] { pairs.filter { !$0.passes } }

    /// The nearest colour of the same hue that passes in place of `pair.color`.
    package func nearestPassing(_ pair: Pair) -> HexColor {
        Palette.repaired(OKLCH(pair.color), against: pair.grounds, least: pair.least, isDark: isDark).color
    }
}
