/// What the contrast gate finds in a theme, pair by pair in both halves, and what would put it right.
package struct ContrastReport: Hashable, Sendable {
    package struct Row: Hashable, Sendable {
        package let name: String
        package let needs: Double
        package let light: Double
        package let dark: Double

        package var passesLight: Bool { light >= needs }
        package var passesDark: Bool { dark >= needs }
        package var passes: Bool { passesLight && passesDark }
    }

    /// A colour to write in place of another. `color` is nil where what was set by hand has to go.
    package struct Repair: Hashable, Sendable {
        package let role: Palette.Role
        package let isDark: Bool
        package let from: HexColor
        package let color: HexColor?
        /// The pair that asked for it.
        package let pair: String
        package let ratio: Double
        package let needs: Double
    }

    package let rows: [Row]
    package let repairs: [Repair]
    /// The primary is near the colour of failure: a note and no reason to stop.
    package let isNearFailure: Bool

    package var passes: Bool { rows.allSatisfy(\.passes) }
    package var failures: [Row] { rows.filter { !$0.passes } }

    package init(_ theme: BrandTheme, chosen: BrandTheme.Chosen = BrandTheme.Chosen()) {
        let (light, dark) = (ContrastGate(theme.light), ContrastGate(theme.dark))
        rows = zip(light.pairs, dark.pairs).map { day, night in
            Row(name: day.name, needs: day.least, light: day.ratio, dark: night.ratio)
        }
        repairs =
            ContrastReport.repairs(light, theme.light, chosen.light) + ContrastReport.repairs(dark, theme.dark, chosen.dark)
        isNearFailure = theme.isPrimaryNearFailure
    }

    /// One repair for each colour: the last is the strictest, since each pair only moves on.
    private static func repairs(
        _ gate: ContrastGate, _ palette: Palette, _ chosen: [Palette.Role: HexColor]
    ) -> [Repair] {
        var found: [Palette.Role: Repair] = [:]
        for pair in gate.failures {
            let own = pair.roles.first { chosen[$0] != nil && !Palette.groundRoles.contains($0) }
            let role = own ?? chosen.keys.filter { Palette.groundRoles.contains($0) }.min { $0.rawValue < $1.rawValue }
            guard let role else { continue }
            // A ground moves away from what stands on it, and a colour from its grounds.
            let against = own == nil ? [] : own == pair.roles.first ? pair.grounds : [pair.color]
            let nearest = Palette.repaired(OKLCH(palette[role]), against: against, least: pair.least, isDark: palette.isDark)
                .color
            let passes = !against.isEmpty && nearest.worstContrast(to: against) >= pair.least
            if let known = found[role], known.color == nil || !passes { continue }
            found[role] = Repair(
                role: role, isDark: palette.isDark, from: palette[role], color: passes ? nearest : nil, pair: pair.name,
                ratio: pair.ratio, needs: pair.least)
        }
        return found.values.sorted { $0.role.rawValue < $1.role.rawValue }
    }

    /// A ratio cut after two decimals, as the gate's figures are written: a rounded 4.50 could hide a 4.496.
    package static func text(_ ratio: Double) -> String {
        let hundredths = Int((min(max(ratio, 0), 21) * 100).rounded(.down))
        let rest = hundredths % 100
        return "\(hundredths / 100).\(rest < 10 ? "0" : "")\(rest)"
    }
}
