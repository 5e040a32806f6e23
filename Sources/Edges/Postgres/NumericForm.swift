internal import Kernel

/// PostgreSQL's binary `numeric`: digits of base 10,000, the weight of the first, a sign and the number of decimals shown.
enum NumericForm {
    private static let negativeSign: UInt16 = 0x4000
    private static let base: Int128 = 10_000

    static func encode(_ value: ExactDecimal, into bytes: inout [UInt8]) {
        // Pad the fraction to whole groups of four, so that the point falls between two groups.
        let padding = (4 - value.scale % 4) % 4
        let fractionGroups = (value.scale + padding) / 4
        var groups: [UInt16] = []
        var rest = value.mantissa.magnitude
        // The first division takes the part of the last group, since the padded mantissa might not fit 128 bits.
        if padding > 0 {
            let part: UInt128 = padding == 1 ? 1000 : (padding == 2 ? 100 : 10)
            let step: UInt128 = 10_000 / part
            groups.append(UInt16((rest % part) * step))
            rest /= part
        }
        while rest > 0 {
            groups.append(UInt16(rest % 10_000))
            rest /= 10_000
        }
        while groups.count < fractionGroups { groups.append(0) }
        var weight = groups.count - fractionGroups - 1
        groups.reverse()
        while let first = groups.first, first == 0 {
            groups.removeFirst()
            weight -= 1
        }
        while let last = groups.last, last == 0 { groups.removeLast() }
        bytes.appendBigEndian(Int16(groups.count))
        bytes.appendBigEndian(Int16(groups.isEmpty ? 0 : weight))
        bytes.appendBigEndian(value.isNegative ? negativeSign : UInt16(0))
        bytes.appendBigEndian(Int16(value.scale))
        for group in groups { bytes.appendBigEndian(group) }
    }

    /// Nil for NaN, an infinity, more than 38 digits or a scale beyond 38.
    static func decode(_ raw: UnsafeRawBufferPointer) -> ExactDecimal? {
        guard raw.count >= 8 else { return nil }
        let count = Int(raw.bigEndian(Int16.self, at: 0))
        let weight = Int(raw.bigEndian(Int16.self, at: 2))
        let sign = raw.bigEndian(UInt16.self, at: 4)
        let scale = Int(raw.bigEndian(Int16.self, at: 6))
        guard count >= 0, raw.count == 8 + count * 2, sign == 0 || sign == negativeSign, scale >= 0,
            scale <= ExactDecimal.scaleMax
        else { return nil }
        var mantissa: Int128 = 0
        for index in 0..<count {
            let group = Int128(raw.bigEndian(UInt16.self, at: 8 + index * 2))
            let (scaled, first) = mantissa.multipliedReportingOverflow(by: base)
            let (sum, second) = scaled.addingReportingOverflow(group)
            guard !first, !second else { return nil }
            mantissa = sum
        }
        // The mantissa now counts units of 10000^(weight - count + 1); bring it to units of 10^-scale.
        var exponent = (weight - count + 1) * 4 + scale
        while exponent > 0 {
            let (scaled, overflow) = mantissa.multipliedReportingOverflow(by: 10)
            guard !overflow else { return nil }
            mantissa = scaled
            exponent -= 1
        }
        while exponent < 0 {
            // The digits beyond the shown scale are zeros by the server's own rule.
            mantissa /= 10
            exponent += 1
        }
        guard mantissa.magnitude < 100_000_000_000_000_000_000_000_000_000_000_000_000 else { return nil }
        return ExactDecimal(mantissa: sign == negativeSign ? -mantissa : mantissa, scale: scale)
    }
}

extension UnsafeRawBufferPointer {
    func bigEndian<Number: FixedWidthInteger>(_ type: Number.Type, at offset: Int) -> Number {
        Number(bigEndian: loadUnaligned(fromByteOffset: offset, as: type))
    }
}
