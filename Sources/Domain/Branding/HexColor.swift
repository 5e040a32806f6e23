internal import Glibc

/// A colour of sRGB with eight bits a channel, written `#rrggbb` in lower case: the only form a brand may use.
package struct HexColor: Hashable, Sendable, CustomStringConvertible {
    package let red: UInt8
    package let green: UInt8
    package let blue: UInt8

    package init(red: UInt8, green: UInt8, blue: UInt8) {
        self.red = red
        self.green = green
        self.blue = blue
    }

    /// Reads exactly `^#[0-9a-f]{6}$`; nil for short forms, names, alpha, upper case or anything after it.
    package init?(_ text: some StringProtocol) {
        let bytes = Array(text.utf8)
        guard bytes.count == 7, bytes[0] == UInt8(ascii: "#") else { return nil }
        var value = 0
        for byte in bytes.dropFirst() {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | Int(byte - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = value << 4 | Int(byte - UInt8(ascii: "a") + 10)
            default: return nil
            }
        }
        self.init(red: UInt8(value >> 16), green: UInt8(value >> 8 & 0xFF), blue: UInt8(value & 0xFF))
    }

    package static let white = HexColor(red: 255, green: 255, blue: 255)
    package static let black = HexColor(red: 0, green: 0, blue: 0)

    package var description: String {
        var out = "#"
        for channel in [red, green, blue] {
            let digits = String(channel, radix: 16)
            out += digits.utf8.count == 1 ? "0" + digits : digits
        }
        return out
    }

    /// Relative luminance of WCAG 2.x (threshold 0.04045), 0 for black and 1 for white.
    package var luminance: Double {
        let (red, green, blue) = linear
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    /// The contrast ratio of WCAG 2.x, 1 to 21, unrounded, the same either way round.
    package func contrast(to other: HexColor) -> Double {
        let (mine, theirs) = (luminance, other.luminance)
        return (max(mine, theirs) + 0.05) / (min(mine, theirs) + 0.05)
    }

    /// The lowest contrast to any of the grounds.
    package func worstContrast(to grounds: [HexColor]) -> Double {
        grounds.map { contrast(to: $0) }.min() ?? 21
    }

    var linear: (red: Double, green: Double, blue: Double) {
        (HexColor.linear[Int(red)], HexColor.linear[Int(green)], HexColor.linear[Int(blue)])
    }

    /// Linear light of each of the 256 channel values.
    private static let linear: [Double] = (0...255).map { channel in
        let value = Double(channel) / 255
        return value <= 0.04045 ? value / 12.92 : pow((value + 0.055) / 1.055, 2.4)
    }
}

/// A colour as lightness (0 to 1), chroma and hue in degrees of OKLCH, in which equal steps look equal.
package struct OKLCH: Hashable, Sendable {
    package var lightness: Double
    package var chroma: Double
    package var hue: Double

    package init(_ lightness: Double, _ chroma: Double, _ hue: Double) {
        self.lightness = lightness
        self.chroma = chroma
        self.hue = hue
    }

    package init(_ color: HexColor) {
        let (red, green, blue) = color.linear
        let long = cbrt(0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue)
        let medium = cbrt(0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue)
        let short = cbrt(0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue)
        let alpha = 1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short
        let beta = 0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short
        lightness = 0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short
        chroma = hypot(alpha, beta)
        let degrees = atan2(beta, alpha) * 180 / Double.pi
        hue = degrees < 0 ? degrees + 360 : degrees
    }

    /// The nearest eight-bit colour: chroma falls by 0.004 until every channel rounds into 0…255.
    ///
    /// Half a step of tolerance on each side is what "inside sRGB" means for a colour that ends as bytes; a stricter test would
    /// dull colours that round to exactly the same edge.
    package var hex: HexColor {
        let light = min(1, max(0, lightness))
        var reach = chroma
        while true {
            let channels = OKLCH.channels(light, reach, hue)
            if reach <= 0 || channels.allSatisfy({ $0 >= -0.5 && $0 < 255.5 }) {
                let bytes = channels.map { UInt8(min(255, max(0, ($0 + 0.5).rounded(.down)))) }
                return HexColor(red: bytes[0], green: bytes[1], blue: bytes[2])
            }
            reach = max(0, reach - 0.004)
        }
    }

    /// Gamma-encoded red, green and blue on the scale 0 to 255, possibly outside it.
    private static func channels(_ lightness: Double, _ chroma: Double, _ hue: Double) -> [Double] {
        let angle = hue * Double.pi / 180
        let (alpha, beta) = (chroma * cos(angle), chroma * sin(angle))
        let long = cube(lightness + 0.3963377774 * alpha + 0.2158037573 * beta)
        let medium = cube(lightness - 0.1055613458 * alpha - 0.0638541728 * beta)
        let short = cube(lightness - 0.0894841775 * alpha - 1.2914855480 * beta)
        return [
            encoded(4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short),
            encoded(-1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short),
            encoded(-0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short),
        ]
    }

    private static func cube(_ value: Double) -> Double { value * value * value }

    private static func encoded(_ value: Double) -> Double {
        let size = abs(value)
        let curve = size <= 0.0031308 ? 12.92 * size : 1.055 * pow(size, 1 / 2.4) - 0.055
        return (value < 0 ? -curve : curve) * 255
    }
}
