internal import Kernel

/// A host name in the one form that is stored, compared and shown: ASCII, small letters, no dot at the end.
///
/// Names as people type them are mapped and checked (UTS #46 without transitional mapping, IDNA 2008, STD3 rules), so that two
/// names that look alike are two different texts, and a name in fancy letters is judged by what it maps to. The header Host is
/// held to more: it has to be ASCII already.
package struct HostName: Sendable, Hashable, CustomStringConvertible {
    package static let bytesMax = 253
    package static let labelBytesMax = 63
    private static let typedScalarsMax = 1024

    package let text: String
    /// An address of IPv4 or IPv6 (in brackets); no brand is bound to one.
    package let isAddress: Bool

    package struct Flaw: Error, Sendable, Equatable, CustomStringConvertible {
        package let message: String
        package var description: String { message }
    }

    private init(checked text: String, isAddress: Bool) {
        self.text = text
        self.isAddress = isAddress
    }

    package var description: String { text }

    // MARK: The Host header

    /// The host of a Host header, its port taken off. Anything but a name or an address and a port of 1 to 65535 is refused.
    package init(header: String) throws(Flaw) {
        guard header.utf8.count <= HostName.bytesMax + 7 else { throw Flaw(message: "The host is too long.") }
        let bytes = Array(header.utf8)
        if bytes.first == UInt8(ascii: "[") {
            guard let end = bytes.firstIndex(of: UInt8(ascii: "]")) else { throw Flaw(message: "The address is not closed.") }
            try HostName.checkPort(bytes[(end + 1)...])
            let inner = String(decoding: bytes[1..<end], as: UTF8.self)
            guard HostName.isIPv6(inner) else { throw Flaw(message: "This is no address of IPv6.") }
            self.init(checked: "[" + HostName.lower(inner) + "]", isAddress: true)
            return
        }
        let end = bytes.firstIndex(of: UInt8(ascii: ":")) ?? bytes.count
        try HostName.checkPort(bytes[end...])
        var name = bytes[..<end]
        if name.last == UInt8(ascii: "."), name.count > 1 { name.removeLast() }
        let text = HostName.lower(String(decoding: name, as: UTF8.self))
        guard text.utf8.allSatisfy({ HostName.isLDH($0) || $0 == UInt8(ascii: ".") }) else {
            throw Flaw(message: "A host is of letters, digits, hyphens and dots.")
        }
        if HostName.isIPv4(text) {
            self.init(checked: text, isAddress: true)
        } else {
            self = try HostName(labels: text.split(separator: ".", omittingEmptySubsequences: false).map(String.init))
        }
    }

    private static func checkPort(_ bytes: ArraySlice<UInt8>) throws(Flaw) {
        guard let colon = bytes.first else { return }
        let digits = bytes.dropFirst()
        guard colon == UInt8(ascii: ":"), (1...5).contains(digits.count), digits.allSatisfy({ (0x30...0x39).contains($0) }),
            let port = Int(String(decoding: digits, as: UTF8.self)), (1...65_535).contains(port)
        else { throw Flaw(message: "The port is no number of 1 to 65535.") }
    }

    // MARK: As typed

    /// The name somebody typed, in any script.
    package init(typed: String) throws(Flaw) {
        guard typed.unicodeScalars.count <= HostName.typedScalarsMax else { throw Flaw(message: "The host is too long.") }
        var labels = UnicodeText.composed(HostNameRules.mapped(typed)).unicodeScalars.split(
            separator: ".", omittingEmptySubsequences: false
        ).map { Array($0) }
        if labels.count > 1, labels.last?.isEmpty == true { labels.removeLast() }
        var decoded: [[Unicode.Scalar]] = []
        for label in labels {
            let isEncoded = label.starts(with: Array("xn--".unicodeScalars))
            guard isEncoded else {
                decoded.append(label)
                continue
            }
            guard let scalars = Punycode.decode(label.dropFirst(4)), !scalars.isEmpty,
                scalars.contains(where: { !$0.isASCII }),
                Punycode.encode(scalars).map({ $0.unicodeScalars.elementsEqual(label.dropFirst(4)) }) == true
            else { throw Flaw(message: "A label that begins with xn-- encodes nothing.") }
            decoded.append(scalars)
        }
        let isBidirectional = decoded.contains { $0.contains(where: HostNameRules.makesBidirectional) }
        for label in decoded { try HostNameRules.check(label, isBidirectional: isBidirectional) }
        var out: [String] = []
        for label in decoded {
            if label.allSatisfy(\.isASCII) {
                out.append(String(String.UnicodeScalarView(label)))
            } else {
                guard let text = Punycode.encode(label) else { throw Flaw(message: "A label cannot be encoded.") }
                out.append("xn--" + text)
            }
        }
        self = try HostName(labels: out)
    }

    private init(labels: [String]) throws(Flaw) {
        for label in labels {
            guard (1...HostName.labelBytesMax).contains(label.utf8.count) else {
                throw Flaw(message: "Between two dots of a host are 1 to \(HostName.labelBytesMax) characters.")
            }
            guard label.utf8.allSatisfy(HostName.isLDH), label.utf8.first != UInt8(ascii: "-"),
                label.utf8.last != UInt8(ascii: "-")
            else { throw Flaw(message: "A host is of letters, digits and hyphens, and no hyphen is first or last.") }
        }
        let text = labels.joined(separator: ".")
        guard text.utf8.count <= HostName.bytesMax else {
            throw Flaw(message: "A host has at most \(HostName.bytesMax) characters.")
        }
        self.init(checked: text, isAddress: false)
    }

    private static func isLDH(_ byte: UInt8) -> Bool {
        (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) || byte == UInt8(ascii: "-")
    }

    private static func lower(_ text: String) -> String {
        String(decoding: text.utf8.map { (0x41...0x5A).contains($0) ? $0 + 32 : $0 }, as: UTF8.self)
    }

    private static func isIPv4(_ text: String) -> Bool {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4
            && parts.allSatisfy { part in
                (1...3).contains(part.utf8.count) && part.utf8.allSatisfy { (0x30...0x39).contains($0) } && Int(part) ?? 256 < 256
                    && (part.utf8.count == 1 || part.utf8.first != 0x30)
            }
    }

    /// Groups of hexadecimal digits, at most one gap, perhaps an IPv4 address at the end; no zone.
    private static func isIPv6(_ text: String) -> Bool {
        let halves = text.split(separator: "::", omittingEmptySubsequences: false)
        guard halves.count <= 2, text.utf8.count <= 45 else { return false }
        var groups = 0
        for (index, half) in halves.enumerated() where !half.isEmpty {
            let parts = half.split(separator: ":", omittingEmptySubsequences: false)
            for (at, part) in parts.enumerated() {
                if index == halves.count - 1, at == parts.count - 1, isIPv4(String(part)) {
                    groups += 2
                } else {
                    guard (1...4).contains(part.utf8.count), part.utf8.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit })
                    else { return false }
                    groups += 1
                }
            }
        }
        return halves.count == 2 ? groups < 8 : groups == 8
    }
}

/// Punycode (RFC 3492).
enum Punycode {
    private static let base: UInt32 = 36
    private static let tMin: UInt32 = 1
    private static let tMax: UInt32 = 26

    /// Nil when the numbers grow past 32 bits.
    static func encode(_ scalars: some Collection<Unicode.Scalar>) -> String? {
        var out = scalars.filter(\.isASCII).map { UInt8($0.value) }
        let basic = UInt32(out.count)
        var handled = basic
        if basic > 0 { out.append(UInt8(ascii: "-")) }
        var (next, delta, bias) = (UInt32(128), UInt32(0), UInt32(72))
        while handled < UInt32(scalars.count) {
            guard let least = scalars.lazy.map(\.value).filter({ $0 >= next }).min() else { return nil }
            let (step, over) = (least - next).multipliedReportingOverflow(by: handled + 1)
            let (sum, carry) = delta.addingReportingOverflow(step)
            guard !over, !carry else { return nil }
            delta = sum
            next = least
            for scalar in scalars {
                if scalar.value < next { delta += 1 }
                guard scalar.value == next else { continue }
                out += digits(of: delta, bias)
                bias = adapted(delta, handled + 1, isFirst: handled == basic)
                delta = 0
                handled += 1
            }
            delta += 1
            next += 1
        }
        return String(decoding: out, as: UTF8.self)
    }

    private static func digits(of number: UInt32, _ bias: UInt32) -> [UInt8] {
        var out: [UInt8] = []
        var rest = number
        var k = base
        while true {
            let threshold = threshold(k, bias)
            if rest < threshold { break }
            out.append(digit(threshold + (rest - threshold) % (base - threshold)))
            rest = (rest - threshold) / (base - threshold)
            k += base
        }
        out.append(digit(rest))
        return out
    }

    /// Nil for what no encoder writes.
    static func decode(_ text: some Collection<Unicode.Scalar>) -> [Unicode.Scalar]? {
        let text = Array(text)
        guard text.allSatisfy(\.isASCII) else { return nil }
        var out: [Unicode.Scalar] = []
        var rest = text[...]
        if let dash = text.lastIndex(of: "-"), dash > 0 {
            out = Array(text[..<dash])
            rest = text[(dash + 1)...]
        }
        var (next, index, bias) = (UInt32(128), UInt32(0), UInt32(72))
        while !rest.isEmpty {
            let before = index
            var (weight, k) = (UInt32(1), base)
            while true {
                guard let digit = rest.popFirst().flatMap(value(of:)) else { return nil }
                let (part, over) = digit.multipliedReportingOverflow(by: weight)
                let (sum, carry) = index.addingReportingOverflow(part)
                guard !over, !carry else { return nil }
                index = sum
                let threshold = threshold(k, bias)
                if digit < threshold { break }
                let (grown, isOver) = weight.multipliedReportingOverflow(by: base - threshold)
                guard !isOver else { return nil }
                weight = grown
                k += base
            }
            let count = UInt32(out.count) + 1
            bias = adapted(index - before, count, isFirst: before == 0)
            let (value, over) = next.addingReportingOverflow(index / count)
            guard !over, let scalar = Unicode.Scalar(value) else { return nil }
            next = value
            index %= count
            out.insert(scalar, at: Int(index))
            index += 1
        }
        return out
    }

    private static func threshold(_ k: UInt32, _ bias: UInt32) -> UInt32 { k <= bias + tMin ? tMin : min(k - bias, tMax) }

    private static func adapted(_ delta: UInt32, _ count: UInt32, isFirst: Bool) -> UInt32 {
        var delta = isFirst ? delta / 700 : delta / 2
        delta += delta / count
        var k: UInt32 = 0
        while delta > (base - tMin) * tMax / 2 {
            delta /= base - tMin
            k += base
        }
        return k + (base - tMin + 1) * delta / (delta + 38)
    }

    private static func digit(_ value: UInt32) -> UInt8 { UInt8(value < 26 ? value + 0x61 : value - 26 + 0x30) }

    private static func value(of scalar: Unicode.Scalar) -> UInt32? {
        switch scalar {
        case "a"..."z": scalar.value - 0x61
        case "A"..."Z": scalar.value - 0x41
        case "0"..."9": scalar.value - 0x30 + 26
        default: nil
        }
    }
}
