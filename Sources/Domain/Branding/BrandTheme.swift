/// What two colours, a radius and a heading face become: a light and a dark palette and one stylesheet.
///
/// Nothing a partner can type fails: lightness is repaired until text reaches 4.5 to 1 and parts of the interface 3 to 1 on every
/// ground, hue never changes, and a colour that needed no repair keeps its bytes.
package struct BrandTheme: Hashable, Sendable {
    /// Faces a brand may choose for headings and signatures.
    package enum HeadingFont: String, CaseIterable, Sendable {
        case system, inter
        case bookSerif = "book-serif"

        var stack: String {
            switch self {
            case .system: "ui-sans-serif, system-ui, -apple-system, \"Segoe UI\", Roboto, \"Helvetica Neue\", Arial, sans-serif"
            case .inter: "Inter, ui-sans-serif, system-ui, \"Segoe UI\", Roboto, Arial, sans-serif"
            case .bookSerif:
                "Charter, \"Bitstream Charter\", \"Sitka Text\", \"Source Serif 4\", Georgia, \"DejaVu Serif\", serif"
            }
        }
    }

    /// Which themes people get; `auto` follows the device.
    package enum Mode: String, CaseIterable, Sendable { case auto, light, dark }

    /// Colours that a person set by hand, by theme.
    package struct Chosen: Hashable, Sendable {
        package var light: [Palette.Role: HexColor]
        package var dark: [Palette.Role: HexColor]

        package init(light: [Palette.Role: HexColor] = [:], dark: [Palette.Role: HexColor] = [:]) {
            self.light = light
            self.dark = dark
        }
    }

    /// Size of the root's text in CSS pixels when nobody chose another.
    package static let baseSizeStandard = 16
    /// Largest corner radius of a brand, in CSS pixels.
    package static let radiusMax = 12

    package let primary: HexColor
    package let accent: HexColor
    package let radius: Int
    package let headingFont: HeadingFont
    package let baseSize: Int
    package let mode: Mode
    package let light: Palette
    package let dark: Palette

    /// Derives both palettes. `radius` is in CSS pixels and is held to 0…12, `baseSize` to 14…20.
    package static func derive(
        primary: HexColor, accent: HexColor, radius: Int = 6, headingFont: HeadingFont = .inter, baseSize: Int = 16,
        mode: Mode = .auto, chosen: Chosen = Chosen()
    ) -> BrandTheme {
        BrandTheme(
            primary: primary, accent: accent, radius: min(max(radius, 0), radiusMax), headingFont: headingFont,
            baseSize: min(max(baseSize, 14), 20), mode: mode,
            light: Palette.derive(primary: primary, accent: accent, isDark: false, chosen: chosen.light),
            dark: Palette.derive(primary: primary, accent: accent, isDark: true, chosen: chosen.dark))
    }

    /// The operator's own look: `#1d4e63` and `#b5652a`.
    package static let standard = derive(
        primary: HexColor(red: 0x1D, green: 0x4E, blue: 0x63), accent: HexColor(red: 0xB5, green: 0x65, blue: 0x2A))

    /// The primary lies within 25 degrees of the colour for failure, so destructive buttons must not rest on hue.
    ///
    /// A note for the partner and no reason to stop publication.
    package var isPrimaryNearFailure: Bool {
        let brand = OKLCH(primary)
        let distance = abs(brand.hue - Palette.Signal.bad.hue).truncatingRemainder(dividingBy: 360)
        return brand.chroma > 0.08 && min(distance, 360 - distance) <= 25
    }

    /// The stylesheet of this brand version: custom properties for light, dark (by preference or by class on `html`), forced
    /// colours and print. It holds no selector a partner could influence, and every value in it was computed here.
    package var css: String {
        let day = "color-scheme:light;\(properties(of: light))"
        let night = "color-scheme:dark;\(properties(of: dark))"
        let size = baseSize == BrandTheme.baseSizeStandard ? "" : "font-size:\(baseSize * 100 / 16)%;"
        var out = ":root{\(size)--r:\(radius)px;--f-head:\(headingFont.stack);\(mode == .dark ? night : day)}\n"
        switch mode {
        case .auto:
            out += "@media (prefers-color-scheme:dark){:root:not(.light){\(night)}}\n"
            out += ":root.dark{\(night)}\n"
        case .light, .dark: break
        }
        out += "@media print{:root,:root.dark,:root:not(.light){color-scheme:light;\(properties(of: light))--canvas:#ffffff}}\n"
        out += "@media (forced-colors:active){:root,:root.dark,:root:not(.light){\(BrandTheme.forced)}}\n"
        return out
    }

    /// Both themes side by side on one page: the parts of class `theme-light` and `theme-dark` wear them whatever the page wears.
    package var sideBySide: String {
        let shared = "--r:\(radius)px;--f-head:\(headingFont.stack);"
        return ".theme-light{color-scheme:light;\(shared)\(properties(of: light))}\n"
            + ".theme-dark{color-scheme:dark;\(shared)\(properties(of: dark))}\n"
            + "@media (forced-colors:active){.theme-light,.theme-dark{\(BrandTheme.forced)}}\n"
    }

    private func properties(of palette: Palette) -> String {
        // A logo drawn for the other ground stays hidden.
        var out = palette.isDark ? "--logo-day:none;--logo-night:inline;" : "--logo-day:inline;--logo-night:none;"
        for role in Palette.Role.allCases { out += "--\(role.rawValue):\(palette[role]);" }
        for signal in Palette.Signal.allCases {
            let colors = palette[signal]
            let name = signal.rawValue
            out += "--\(name):\(colors.mark);--\(name)-text:\(colors.text);"
            out += "--\(name)-tint:\(colors.tint);--\(name)-line:\(colors.line);"
        }
        return out
    }

    /// System colours for people whose system chooses them; shapes and words carry what hue no longer can.
    private static let forced: String = {
        let system: [(names: String, color: String)] = [
            ("canvas surface sunken raised hover ok-tint warn-tint bad-tint info-tint person-tint accent-tint", "Canvas"),
            (
                "text text-2 line line-2 ok warn bad info person ok-text warn-text bad-text info-text person-text accent",
                "CanvasText"
            ),
            ("accent-text ok-line warn-line bad-line info-line person-line primary-line", "CanvasText"),
            ("text-3", "GrayText"), ("control", "ButtonBorder"), ("primary focus primary-hover primary-press", "Highlight"),
            ("on-primary", "HighlightText"), ("link", "LinkText"), ("tint", "Canvas"),
        ]
        return system.flatMap { entry in entry.names.split(separator: " ").map { "--\($0):\(entry.color);" } }.joined()
    }()
}
