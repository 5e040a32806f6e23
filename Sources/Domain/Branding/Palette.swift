/// The colours of one theme (light or dark) by role; the names are the custom properties of the stylesheet.
package struct Palette: Hashable, Sendable {
    package enum Role: String, CaseIterable, Sendable {
        case canvas, surface, sunken, raised, hover, tint, line
        case line2 = "line-2"
        case text
        case text2 = "text-2"
        case text3 = "text-3"
        case control, primary
        case onPrimary = "on-primary"
        case primaryHover = "primary-hover"
        case primaryPress = "primary-press"
        case primaryLine = "primary-line"
        case link, focus, accent
        case accentText = "accent-text"
        case accentTint = "accent-tint"
    }

    /// Hues of the operator's status colours; they never follow a brand.
    package enum Signal: String, CaseIterable, Sendable {
        case ok, warn, bad, info, person

        var hue: Double {
            switch self {
            case .ok: 152
            case .warn: 70
            case .bad: 27
            case .info: 245
            case .person: 300
            }
        }

        var chroma: Double {
            switch self {
            case .ok, .warn, .info: 0.13
            case .bad: 0.17
            case .person: 0.14
            }
        }
    }

    /// A status colour in its four uses.
    package struct SignalColors: Hashable, Sendable {
        package let mark: HexColor
        package let text: HexColor
        package let tint: HexColor
        package let line: HexColor
    }

    package let isDark: Bool
    private var colors: [Role: HexColor]
    private var signals: [Signal: SignalColors]

    package subscript(role: Role) -> HexColor { colors[role] ?? .black }

    package subscript(signal: Signal) -> SignalColors {
        signals[signal] ?? SignalColors(mark: .black, text: .black, tint: .white, line: .black)
    }

    /// The five surfaces that text and marks may stand on.
    package var grounds: [HexColor] { Palette.grounds(colors) }

    /// The grounds among the roles: what is chosen for them is what the other colours are repaired against.
    package static let groundRoles: Set<Role> = [.canvas, .surface, .sunken, .hover, .tint]

    /// Derives one theme from the two brand colours; the steps are numbered as in the description of the look. `chosen` are
    /// colours that a person set by hand: grounds before the rest is derived, the others in place of what was derived.
    static func derive(
        primary: HexColor, accent: HexColor, isDark: Bool, chosen: [Role: HexColor] = [:]
    ) -> Palette {
        var palette = derived(primary: primary, accent: accent, isDark: isDark, grounds: chosen)
        for (role, color) in chosen { palette.colors[role] = color }
        if let main = chosen[.primary].map({ OKLCH($0) }) {
            palette.colors[.primaryHover] = OKLCH(main.lightness + (isDark ? 0.04 : -0.045), main.chroma, main.hue).hex
            palette.colors[.primaryPress] = OKLCH(main.lightness + (isDark ? 0.07 : -0.08), main.chroma, main.hue).hex
        }
        return palette
    }

    private static func derived(
        primary: HexColor, accent: HexColor, isDark: Bool, grounds chosen: [Role: HexColor]
    ) -> Palette {
        let brand = OKLCH(primary)
        let second = OKLCH(accent)
        let neutral = min(0.012, 0.1 * brand.chroma)
        var colors = groundColors(brand, neutral: neutral, isDark: isDark)
        for (role, color) in chosen where groundRoles.contains(role) { colors[role] = color }
        let grounds = Palette.grounds(colors)
        func repaired(_ start: OKLCH, _ against: [HexColor], _ least: Double) -> HexColor {
            Palette.repaired(start, against: against, least: least, isDark: isDark).color
        }
        // 2. ink
        func ink(_ light: Double, _ dark: Double, _ chroma: Double, _ least: Double) -> HexColor {
            repaired(OKLCH(isDark ? dark : light, chroma * neutral, brand.hue), grounds, least)
        }
        colors[.text] = ink(0.235, 0.945, 1.5, 12)
        colors[.text2] = ink(0.45, 0.78, 1.5, 6)
        colors[.text3] = ink(0.56, 0.66, 1.5, 4.5)
        colors[.control] = ink(0.68, 0.50, 1.3, 3)
        // 3. primary
        let onPrimary = isDark ? OKLCH(0.16, neutral, brand.hue).hex : .white
        let field = [colors[.surface] ?? .white, colors[.canvas] ?? .white]
        let main = repairedPrimary(primary, brand, ink: onPrimary, field: field, isDark: isDark)
        let lightness = main.lightness
        colors[.primary] = main.color
        colors[.onPrimary] = onPrimary
        colors[.primaryHover] = OKLCH(lightness + (isDark ? 0.04 : -0.045), brand.chroma, brand.hue).hex
        colors[.primaryPress] = OKLCH(lightness + (isDark ? 0.07 : -0.08), brand.chroma, brand.hue).hex
        // 4. what follows the primary
        colors[.link] = repaired(
            OKLCH(isDark ? max(lightness, 0.74) : min(lightness, 0.5), brand.chroma, brand.hue), grounds, 4.5)
        colors[.focus] = repaired(
            OKLCH(isDark ? 0.74 : min(brand.lightness, 0.55), max(brand.chroma, 0.04), brand.hue), grounds, 3)
        colors[.primaryLine] = repaired(
            OKLCH(isDark ? 0.52 : 0.66, 0.7 * brand.chroma, brand.hue), [colors[.surface] ?? .white, colors[.tint] ?? .white], 3)
        // 5. accent
        if accent.worstContrast(to: grounds) >= 3, !isDark || second.lightness >= 0.66 {
            colors[.accent] = accent
        } else {
            colors[.accent] = repaired(
                OKLCH(isDark ? max(second.lightness, 0.66) : second.lightness, second.chroma, second.hue), grounds, 3)
        }
        colors[.accentText] = repaired(
            OKLCH(isDark ? max(second.lightness, 0.72) : min(second.lightness, 0.60), second.chroma, second.hue), grounds, 4.5)
        colors[.accentTint] =
            isDark
            ? OKLCH(0.285, min(0.4 * second.chroma, 0.05), second.hue).hex
            : OKLCH(0.955, min(0.3 * second.chroma, 0.03), second.hue).hex
        return Palette(isDark: isDark, colors: colors, signals: signalColors(grounds, isDark: isDark))
    }

    private static func grounds(_ colors: [Role: HexColor]) -> [HexColor] {
        [Role.canvas, .surface, .sunken, .hover, .tint].compactMap { colors[$0] }
    }

    /// Step 1: paper and lines at the primary's hue.
    private static func groundColors(_ brand: OKLCH, neutral: Double, isDark: Bool) -> [Role: HexColor] {
        func at(_ lightness: Double, _ chroma: Double) -> HexColor { OKLCH(lightness, chroma, brand.hue).hex }
        if isDark {
            let chroma = 1.1 * neutral
            return [
                .canvas: at(0.175, chroma), .surface: at(0.212, chroma), .sunken: at(0.155, chroma), .raised: at(0.252, chroma),
                .hover: at(0.248, chroma), .line: at(0.308, chroma), .line2: at(0.385, chroma),
                .tint: at(0.285, min(0.4 * brand.chroma, 0.045)),
            ]
        }
        return [
            .canvas: at(0.975, 0.6 * neutral), .surface: .white, .sunken: at(0.958, 0.7 * neutral), .raised: .white,
            .hover: at(0.962, 0.7 * neutral), .line: at(0.905, neutral), .line2: at(0.845, neutral),
            .tint: at(0.948, min(0.2 * brand.chroma, 0.016)),
        ]
    }

    /// Step 6: status colours, which hold on every ground and on their own tint.
    private static func signalColors(_ grounds: [HexColor], isDark: Bool) -> [Signal: SignalColors] {
        var out: [Signal: SignalColors] = [:]
        for signal in Signal.allCases {
            let (hue, chroma) = (signal.hue, signal.chroma)
            let tint = OKLCH(isDark ? 0.275 : 0.962, (isDark ? 0.33 : 0.2) * chroma, hue).hex
            let mark = repaired(OKLCH(isDark ? 0.72 : 0.60, chroma, hue), against: grounds + [tint], least: 3, isDark: isDark)
            let text = repaired(
                OKLCH(isDark ? 0.80 : 0.47, (isDark ? 0.75 : 0.85) * chroma, hue), against: grounds + [tint], least: 4.5,
                isDark: isDark)
            out[signal] = SignalColors(
                mark: mark.color, text: text.color, tint: tint,
                line: OKLCH(isDark ? 0.42 : 0.86, (isDark ? 0.5 : 0.45) * chroma, hue).hex)
        }
        return out
    }

    /// The primary keeps the partner's bytes when nothing had to move.
    private static func repairedPrimary(
        _ given: HexColor, _ brand: OKLCH, ink: HexColor, field: [HexColor], isDark: Bool
    ) -> (color: HexColor, lightness: Double) {
        var lightness = isDark ? min(max(brand.lightness, 0.68), 0.78) : min(brand.lightness, 0.62)
        while lightness >= 0, lightness <= 1 {
            let color = lightness == brand.lightness ? given : OKLCH(lightness, brand.chroma, brand.hue).hex
            if color.contrast(to: ink) >= 4.5, color.worstContrast(to: field) >= 3 { return (color, lightness) }
            lightness += isDark ? 0.01 : -0.01
        }
        return isDark ? (.white, 1) : (.black, 0)
    }

    /// Moves lightness by 0.01 (light theme darker, dark theme lighter) until every ground is far enough; then black or white.
    static func repaired(
        _ start: OKLCH, against grounds: [HexColor], least: Double, isDark: Bool
    ) -> (color: HexColor, lightness: Double) {
        var moving = start
        while moving.lightness >= 0, moving.lightness <= 1 {
            let color = moving.hex
            if color.worstContrast(to: grounds) >= least { return (color, moving.lightness) }
            moving.lightness += isDark ? 0.01 : -0.01
        }
        return isDark ? (.white, 1) : (.black, 0)
    }
}
