/// Which addresses a transfer may dial.
///
/// Without entries: https to public addresses on ports 443 and 8443. An entry `host:port/range` lets that host on that port
/// resolve into that range, which may be private or loopback, and permits plain http to it; the operator approves entries per
/// connection. Judged on the address that libcurl is about to dial, so neither DNS rebinding nor odd spellings get around it.
package struct EgressPolicy: Sendable, Hashable {
    package static let entriesMax = 64
    package static let publicPorts: Set<Int> = [443, 8443]
    /// Of mail servers, which are spoken to by TLS alone.
    package static let mailPorts: Set<Int> = [465, 587, 2525]

    package struct Entry: Sendable, Hashable {
        package let host: String
        package let port: Int
        package let range: NetworkRange

        package init(host: String, port: Int, range: NetworkRange) {
            self.host = host.lowercased()
            self.port = port
            self.range = range
        }

        /// Reads `erp.example:8443/10.20.0.0/16`; for a host that is an address also `127.0.0.1:7411`, meaning that one address.
        package init?(_ text: String) {
            let pieces = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
            guard let colon = pieces[0].lastIndex(of: ":") else { return nil }
            var host = String(pieces[0][..<colon])
            guard let port = Int(pieces[0][pieces[0].index(after: colon)...]), (1...65_535).contains(port) else { return nil }
            if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
            guard !host.isEmpty, host.utf8.allSatisfy(Entry.isHostByte) else { return nil }
            if pieces.count == 1 {
                guard let address = NetworkAddress(host) else { return nil }
                self.init(host: host, port: port, range: NetworkRange(only: address))
            } else if let range = NetworkRange(pieces[1]) {
                self.init(host: host, port: port, range: range)
            } else {
                return nil
            }
        }

        private static func isHostByte(_ byte: UInt8) -> Bool {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: ":"), UInt8(ascii: "_"):
                true
            default: false
            }
        }
    }

    package let entries: [Entry]

    package init(entries: [Entry] = []) {
        self.entries = entries
    }

    /// Why this URL may not be dialled at all, whatever its address; nil when it may.
    package func objection(to url: OutboundURL) -> String? {
        if entries.contains(where: { $0.host == url.host && $0.port == url.port }) { return nil }
        guard url.isEncrypted else { return "what is not encrypted needs an allow entry for \(url.host):\(url.port)" }
        guard EgressPolicy.ports(url).contains(url.port) else { return "port \(url.port) needs an allow entry" }
        return nil
    }

    private static func ports(_ url: OutboundURL) -> Set<Int> { url.isMail ? mailPorts : publicPorts }

    /// Whether this address may be dialled for this URL.
    package func permits(_ address: NetworkAddress, for url: OutboundURL) -> Bool {
        let address = address.unmapped
        guard !AddressRanges.never.contains(where: { $0.contains(address) }) else { return false }
        let mine = entries.filter { $0.host == url.host && $0.port == url.port }
        if mine.contains(where: { $0.range.contains(address) }) { return true }
        guard url.isEncrypted, mine.isEmpty ? EgressPolicy.ports(url).contains(url.port) : true else { return false }
        return !AddressRanges.special.contains { $0.contains(address) }
    }
}

/// Ranges by their registration with IANA, and a cloud provider's host agent that hides behind a public-looking address.
enum AddressRanges {
    /// No entry opens these: unspecified, link-local with the cloud metadata services, the host agent, multicast, reserved.
    static let never: [NetworkRange] = [
        "0.0.0.0/8", "169.254.0.0/16", "168.63.129.16/32", "224.0.0.0/4", "240.0.0.0/4", "::/128", "fe80::/10", "ff00::/8",
    ].map(NetworkRange.init(trusted:))

    /// Not for the public internet, or carrying an IPv4 address inside: only an explicit entry opens them.
    static let special: [NetworkRange] = [
        "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24",
        "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "::/96", "::ffff:0:0/96", "64:ff9b::/96",
        "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16", "fc00::/7",
        "fec0::/10",
    ].map(NetworkRange.init(trusted:))
}
