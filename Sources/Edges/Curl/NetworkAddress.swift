import Glibc

/// An IP address as libcurl is about to dial it.
package enum NetworkAddress: Hashable, Sendable, CustomStringConvertible {
    case v4(UInt32)
    case v6(high: UInt64, low: UInt64)

    /// Reads the exact dotted or colon form; obfuscated spellings (`127.1`, `0x7f.1`) are not addresses here.
    package init?(_ text: some StringProtocol) {
        let text = String(text)
        let family = text.contains(":") ? AF_INET6 : AF_INET
        var bytes = [UInt8](repeating: 0, count: family == AF_INET6 ? 16 : 4)
        guard inet_pton(family, text, &bytes) == 1 else { return nil }
        self.init(bytes: bytes)
    }

    /// Reads 4 or 16 bytes in network order; any other count is nil.
    init?(bytes: some Collection<UInt8>) {
        switch bytes.count {
        case 4: self = .v4(bytes.reduce(0) { $0 << 8 | UInt32($1) })
        case 16:
            self = .v6(
                high: bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) },
                low: bytes.dropFirst(8).reduce(0) { $0 << 8 | UInt64($1) })
        default: return nil
        }
    }

    /// The IPv4 address inside `::ffff:a.b.c.d`, else itself.
    package var unmapped: NetworkAddress {
        if case .v6(high: 0, let low) = self, low >> 32 == 0xFFFF { return .v4(UInt32(truncatingIfNeeded: low)) }
        return self
    }

    package var description: String {
        switch self {
        case .v4(let bits): return "\(bits >> 24).\(bits >> 16 & 255).\(bits >> 8 & 255).\(bits & 255)"
        case .v6(let high, let low):
            let groups = (0..<8).map { String((($0 < 4 ? high : low) >> UInt64(48 - 16 * ($0 % 4))) & 0xFFFF, radix: 16) }
            return groups.joined(separator: ":")
        }
    }
}

/// An address range, `10.20.0.0/16` or `fd00::/8`.
package struct NetworkRange: Hashable, Sendable, CustomStringConvertible {
    package let base: NetworkAddress
    package let prefix: Int

    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let base = NetworkAddress(parts[0]), let prefix = NetworkRange.prefix(parts[1], of: base) else {
            return nil
        }
        self.base = base
        self.prefix = prefix
    }

    /// The range of exactly one address.
    package init(only address: NetworkAddress) {
        base = address
        if case .v4 = address { prefix = 32 } else { prefix = 128 }
    }

    init(trusted text: String) {
        guard let range = NetworkRange(text) else { preconditionFailure("\(text) is no address range") }
        self = range
    }

    static func prefix(_ text: some StringProtocol, of base: NetworkAddress) -> Int? {
        guard (1...3).contains(text.utf8.count), text.utf8.allSatisfy({ $0 >= 48 && $0 <= 57 }), let prefix = Int(text) else {
            return nil
        }
        if case .v4 = base { return prefix <= 32 ? prefix : nil }
        return prefix <= 128 ? prefix : nil
    }

    package func contains(_ address: NetworkAddress) -> Bool {
        switch (base, address) {
        case (.v4(let mine), .v4(let other)):
            return prefix == 0 || (mine ^ other) >> UInt32(32 - prefix) == 0
        case (.v6(let high, let low), .v6(let otherHigh, let otherLow)):
            if prefix <= 64 { return prefix == 0 || (high ^ otherHigh) >> UInt64(64 - prefix) == 0 }
            return high == otherHigh && (low ^ otherLow) >> UInt64(128 - prefix) == 0
        case (.v4, .v6), (.v6, .v4): return false
        }
    }

    package var description: String { "\(base)/\(prefix)" }
}
