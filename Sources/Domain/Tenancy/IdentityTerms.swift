internal import Kernel

/// How a tenant's people sign in with their own identity provider: the section `identity` of `tenant.yaml`.
///
/// A provider says who somebody is and nothing else: the people file alone says whom there is and what they may do, so no claim
/// makes an account or gives a role.
package struct IdentityTerms: Sendable, Equatable {
    package static let domainsMax = 20
    package static let allowMax = 8
    /// What `algorithms` may name; the first three are what providers sign by unless told otherwise.
    package static let algorithmNames = ["RS256", "PS256", "ES256", "EdDSA"]

    /// As people call the provider: "Sign in with …".
    package let name: String
    /// Compared byte by byte with what the provider says of itself.
    package let issuer: String
    package let clientID: String
    /// Name of the tenant's secret that proves who asks for tokens.
    package let secret: String
    /// Whose addresses may be linked, folded to small letters.
    package let domains: [String]
    /// Whether people of this tenant may still come in with a password of ours.
    package let allowsPasswords: Bool
    /// Values of `amr` after which the provider has asked for a second factor, so that we ask for none; empty: ours is asked for.
    package let trustedMethods: [String]
    /// Whether an address counts of which the provider does not say that it made sure: the organisation gives its people their
    /// addresses itself, and nobody can change their own.
    package let trustsAddresses: Bool
    package let algorithms: [String]
    /// What the worker may dial for it besides public https.
    package let allow: [String]

    package init(
        name: String, issuer: String, clientID: String, secret: String, domains: [String], allowsPasswords: Bool = true,
        trustedMethods: [String] = [], trustsAddresses: Bool = false,
        algorithms: [String] = IdentityTerms.algorithmNames, allow: [String] = []
    ) {
        self.name = name
        self.issuer = issuer
        self.clientID = clientID
        self.secret = secret
        self.domains = domains
        self.allowsPasswords = allowsPasswords
        self.trustedMethods = trustedMethods
        self.trustsAddresses = trustsAddresses
        self.algorithms = algorithms
        self.allow = allow
    }

    /// Where the provider describes itself (OpenID Connect Discovery 4).
    package var discoveryAddress: String {
        (issuer.hasSuffix("/") ? String(issuer.dropLast()) : issuer) + "/.well-known/openid-configuration"
    }

    /// Whether people of this address belong to it. Sub-domains are others.
    package func covers(_ email: String) -> Bool {
        guard let at = email.utf8.lastIndex(of: UInt8(ascii: "@")) else { return false }
        // ASCII only: no other letter may fold into one of a domain's.
        let domain = email.utf8[email.utf8.index(after: at)...].map { (65...90).contains($0) ? $0 + 32 : $0 }
        return domains.contains { Array($0.utf8) == domain }
    }

    static let shape = ObjectShape(
        "the identity provider", "How people of this tenant sign in with their own identity provider (OpenID Connect).",
        [
            required("name", .text(.line), "as people call it: \"Sign in with …\"."),
            required("issuer", .text(.issuer), "its issuer, byte by byte as it calls itself."),
            required("clientId", .text(.clientID), "the name under which it knows this installation."),
            required("secret", .text(.slug), "name of the tenant's secret that was agreed with it; never its value."),
            required(
                "domains", .list(of: .text(.mailDomain), count: 1...domainsMax), "the mail domains whose people it speaks for."),
            optional("passwords", .boolean, "whether these people may also come in with a password of ours; true unless given."),
            optional(
                "trustedMethods", .list(of: .text(.memberName), count: 1...8),
                "values of `amr`, such as `mfa`, after which no second factor of ours is asked for; ours is asked unless given."),
            optional(
                "trustsAddresses", .boolean,
                "whether a mail address counts although the provider does not say that it made sure of it (`email_verified` is "
                    + "left out): the organisation gives addresses itself and nobody can change their own; false unless given."),
            optional(
                "algorithms", .list(of: .choice(algorithmNames), count: 1...algorithmNames.count),
                "how it may sign; all that we know unless given."),
            optional(
                "allow", .list(of: .text(.egress), count: 1...allowMax),
                "what the worker may dial for it besides public https on ports 443 and 8443: host:port/range."),
        ])

    static func parse(_ json: JSONValue, at pointer: String, issues: inout [AssetIssue]) -> IdentityTerms {
        let fields = Fields(json)
        let (issuer, allow) = (fields.text("issuer"), fields.texts("allow"))
        if let place = ConnectionDocument.plainPlace(of: issuer),
            !allow.contains(where: { $0 == place || $0.hasPrefix(place + "/") })
        {
            issues.append(
                AssetIssue(
                    "\(pointer)/issuer", "Plain http to \(place) is not allowed by an entry of this section.",
                    remedy: "Use https, or add \"\(place)\" with its address range to `allow`."))
        }
        let algorithms = fields.texts("algorithms")
        return IdentityTerms(
            name: fields.text("name"), issuer: issuer, clientID: fields.text("clientId"), secret: fields.text("secret"),
            domains: fields.texts("domains"), allowsPasswords: fields.flag("passwords", or: true),
            trustedMethods: fields.texts("trustedMethods"), trustsAddresses: fields.flag("trustsAddresses", or: false),
            algorithms: algorithms.isEmpty ? algorithmNames : algorithms, allow: allow)
    }
}

extension TextRule {
    /// An issuer is a base address that may end in a slash.
    static let issuer = TextRule(
        "an issuer", pattern: "^https?://[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[1-9][0-9]{0,4})?(/[A-Za-z0-9._~-]+)*/?$",
        length: 1...300, remedy: "Write it as the provider does, such as https://login.example.com/tenant."
    ) { text in
        TextRule.baseURL.problem(with: text.hasSuffix("/") ? String(text.dropLast()) : text) == nil
    }

    /// RFC 6749 lets it be any visible text; a quote or a blank in it is a slip of the keyboard.
    static let clientID = TextRule(
        "a client name", pattern: "^[\\x21\\x23-\\x7e]+$", length: 1...200, remedy: "Write it as the provider shows it."
    ) { text in text.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "\"") } }

    static let mailDomain = TextRule(
        "a mail domain", pattern: "^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$", length: 3...253,
        remedy: "Write what stands after the @, in small letters, such as `brightwater.example`."
    ) { text in
        let labels = text.split(separator: ".", omittingEmptySubsequences: false)
        return labels.count >= 2
            && labels.allSatisfy { label in
                guard let first = label.utf8.first, let last = label.utf8.last else { return false }
                return first != UInt8(ascii: "-") && last != UInt8(ascii: "-")
                    && label.utf8.allSatisfy { $0.isDigit || $0.isLowerLetter || $0 == UInt8(ascii: "-") }
            }
    }
}
