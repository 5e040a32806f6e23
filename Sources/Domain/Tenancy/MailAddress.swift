/// An address that a stranger typed, in the one form that is stored, compared and sent to: small letters, the domain as the
/// name system knows it, and nothing that could break out of a line.
package struct MailAddress: Sendable, Hashable {
    package static let bytesMax = 254
    private static let localBytesMax = 64
    private static let others = Set("._+-'".utf8)

    package let text: String

    package struct Flaw: Error, Sendable, Equatable {
        package let message: String

        package init(message: String) { self.message = message }
    }

    package init(typed: String) throws(Flaw) {
        guard typed.utf8.count <= MailAddress.bytesMax else {
            throw Flaw(message: "An address has at most \(MailAddress.bytesMax) characters.")
        }
        var scalars = Substring(typed).unicodeScalars
        while scalars.first == " " { scalars.removeFirst() }
        while scalars.last == " " { scalars.removeLast() }
        let parts = scalars.split(separator: "@", omittingEmptySubsequences: false)
        let local = parts[0].map { $0.isASCII ? $0.properties.lowercaseMapping : String($0) }.joined()
        let isPlain = local.utf8.allSatisfy { byte in
            (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) || MailAddress.others.contains(byte)
        }
        guard parts.count == 2, isPlain, (1...MailAddress.localBytesMax).contains(local.utf8.count),
            local.utf8.first != UInt8(ascii: "."), local.utf8.last != UInt8(ascii: "."), !local.contains("..")
        else { throw Flaw(message: "Write an address such as maya.lund@example.com.") }
        let host: HostName
        do throws(HostName.Flaw) {
            host = try HostName(typed: String(parts[1]))
        } catch {
            throw Flaw(message: "What stands behind the @ is no domain: \(error.message)")
        }
        let labels = host.text.split(separator: ".")
        guard labels.count >= 2, labels.last?.utf8.allSatisfy({ (0x30...0x39).contains($0) }) == false else {
            throw Flaw(message: "What stands behind the @ is no domain, such as example.com.")
        }
        text = "\(local)@\(host.text)"
        guard text.utf8.count <= MailAddress.bytesMax else {
            throw Flaw(message: "An address has at most \(MailAddress.bytesMax) characters.")
        }
    }

    /// Enough to recognise one's own, and not to write to: `m…@example.com`.
    package static func masked(_ text: String) -> String {
        let parts = text.split(separator: "@", maxSplits: 1)
        guard parts.count == 2 else { return "…" }
        return "\(parts[0].prefix(1))…@\(parts[1])"
    }
}

/// An address that takes events by HTTP, typed by somebody who may be a stranger. Where it may lead is judged again by whoever
/// dials it, after the name has been looked up.
package struct HookAddress: Sendable, Hashable {
    package static let bytesMax = 500

    package let text: String
    /// `host:port`, as permissions to dial name a place.
    package let place: String
    /// A name and https; nothing else is dialled for strangers.
    package let isPublicForm: Bool

    package typealias Flaw = MailAddress.Flaw

    package init(typed: String) throws(Flaw) {
        guard typed.utf8.count <= HookAddress.bytesMax else {
            throw Flaw(message: "An address has at most \(HookAddress.bytesMax) characters.")
        }
        let isEncrypted = typed.hasPrefix("https://")
        guard isEncrypted || typed.hasPrefix("http://") else {
            throw Flaw(message: "Write an address such as https://example.com/hooks.")
        }
        let banned: Set<UInt8> = [0x22, 0x23, 0x3C, 0x3E, 0x5C, 0x5E, 0x60, 0x7B, 0x7C, 0x7D]
        guard typed.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && !banned.contains($0) }) else {
            throw Flaw(message: "The address holds a character that has to be written as %XX, or a #.")
        }
        let authority = String(typed.dropFirst(isEncrypted ? 8 : 7).prefix { $0 != "/" && $0 != "?" })
        guard !authority.isEmpty, !authority.contains("@") else {
            throw Flaw(message: "The address names no host, or a user before it.")
        }
        let host: HostName
        do throws(HostName.Flaw) {
            host = try HostName(header: authority)
        } catch {
            throw Flaw(message: "The host of the address is none: \(error.message)")
        }
        let hasPort = authority.hasPrefix("[") ? authority.contains("]:") : authority.contains(":")
        place = hasPort ? authority : "\(authority):\(isEncrypted ? 443 : 80)"
        text = typed
        isPublicForm = isEncrypted && !host.isAddress && host.text.contains(".")
    }

    /// Its host and nothing of what may be a secret behind it: `https://example.com/…`.
    package static func masked(_ text: String) -> String {
        let parts = text.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3 else { return "…" }
        return "\(parts[0])//\(parts[2].prefix { $0 != "/" && $0 != "?" })/…"
    }
}
