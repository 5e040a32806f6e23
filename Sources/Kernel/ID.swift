/// An identifier of one kind of thing; 128 bits, normally a UUID of version 7 (RFC 9562 §5.7), so that ids sort by creation.
///
/// The phantom `Subject` keeps an invoice's id out of a person's place at compile time.
package struct ID<Subject>: Hashable, Sendable, Comparable, CustomStringConvertible {
    package let high: UInt64
    package let low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// A version 7 id of `moment` (millisecond precision) with 74 random bits.
    package init(at moment: Moment, entropy: Entropy) {
        let milliseconds = UInt64(max(0, moment.microseconds / 1000))
        high = (milliseconds << 16) | 0x7000 | (entropy.next() & 0x0FFF)
        low = 0x8000_0000_0000_0000 | (entropy.next() & 0x3FFF_FFFF_FFFF_FFFF)
    }

    /// The same id with the instant in front that `other` begins with: what goes by an id's time finds the two together.
    package func dated<Other>(as other: ID<Other>) -> ID {
        ID(high: other.high & ~0xFFFF | high & 0xFFFF, low: low)
    }

    /// The same id with an instant in front, as the ids have that are made at one.
    package func dated(at instant: Moment) -> ID {
        ID(high: UInt64(max(0, instant.microseconds / 1000)) << 16 | high & 0xFFFF, low: low)
    }

    /// Reads the canonical form, 36 characters with hyphens, in either case; anything else is nil.
    package init?(_ text: some StringProtocol) {
        var copy = String(text)
        guard let parsed = copy.withUTF8(ID.parse) else { return nil }
        self = parsed
    }

    private static func parse(_ bytes: UnsafeBufferPointer<UInt8>) -> ID? {
        guard bytes.count == 36 else { return nil }
        var high: UInt64 = 0
        var low: UInt64 = 0
        for (position, byte) in bytes.enumerated() {
            if position == 8 || position == 13 || position == 18 || position == 23 {
                guard byte == UInt8(ascii: "-") else { return nil }
            } else {
                guard let digit = hexValue(byte) else { return nil }
                if position < 18 { high = high << 4 | digit } else { low = low << 4 | digit }
            }
        }
        return ID(high: high, low: low)
    }

    /// The canonical lower-case form, `8-4-4-4-12` hexadecimal digits.
    package var text: String {
        String(unsafeUninitializedCapacity: 36) { buffer in
            var at = 0
            for (index, word) in [high, low].enumerated() {
                for nibble in stride(from: 60, through: 0, by: -4) {
                    if index == 0 && (at == 8 || at == 13) || index == 1 && (at == 18 || at == 23) {
                        buffer[at] = UInt8(ascii: "-")
                        at += 1
                    }
                    buffer[at] = hexDigit(UInt8(truncatingIfNeeded: word >> UInt64(nibble)) & 0xF)
                    at += 1
                }
            }
            return at
        }
    }

    package var description: String { text }

    package static func < (lhs: Self, rhs: Self) -> Bool { (lhs.high, lhs.low) < (rhs.high, rhs.low) }
}

private func hexValue(_ byte: UInt8) -> UInt64? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt64(byte - UInt8(ascii: "0"))
    case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt64(byte - UInt8(ascii: "a") + 10)
    case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt64(byte - UInt8(ascii: "A") + 10)
    default: nil
    }
}

package func hexDigit(_ nibble: UInt8) -> UInt8 {
    nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") + nibble - 10
}

extension Sequence<UInt8> {
    /// Lower-case hexadecimal digits, two per byte.
    package var hexText: String {
        var out: [UInt8] = []
        for byte in self {
            out.append(hexDigit(byte >> 4))
            out.append(hexDigit(byte & 0xF))
        }
        return String(decoding: out, as: UTF8.self)
    }
}
