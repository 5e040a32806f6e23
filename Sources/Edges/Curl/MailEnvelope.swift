/// Makes of a request a mail: its body is the message with its headers, its address the server's (`smtp` or `smtps`).
///
/// A mail travels by the same thread, guards, deadlines and bounds as everything else; method and headers do not count.
package struct MailEnvelope: Sendable, Hashable {
    package let from: String
    package let to: String
    /// Nil: the server asks for no name.
    package let user: String?
    package let password: String?
    /// TLS from the start or by STARTTLS, else nothing is sent; false only for a server of an allow entry.
    package let isEncrypted: Bool

    package init(from: String, to: String, user: String?, password: String?, isEncrypted: Bool) {
        self.from = from
        self.to = to
        self.user = user
        self.password = password
        self.isEncrypted = isEncrypted
    }

    /// Angle brackets and line ends would begin another command.
    var isWellFormed: Bool {
        [from, to].allSatisfy { address in
            (3...254).contains(address.utf8.count) && address.contains("@")
                && address.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "<") && $0 != UInt8(ascii: ">") }
        }
    }
}
