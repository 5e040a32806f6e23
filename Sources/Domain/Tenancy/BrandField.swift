package import Branding
internal import Kernel

extension BrandDocument {
    /// What a brand can set, in the order in which pages list it. The raw value is the name that locks and answers use.
    package enum Field: String, CaseIterable, Hashable, Sendable {
        case displayName, legalName, mark, supportEmail, supportUrl, phone
        case primary, accent
        case lightPrimary, lightOnPrimary, lightAccent, lightLink, lightText, lightMutedText, lightBackground, lightSurface
        case darkPrimary, darkOnPrimary, darkAccent, darkLink, darkText, darkMutedText, darkBackground, darkSurface
        case radius, density, headingFont, baseSize, themeMode, hideProductName
        case logoLight, logoDark, logoMark, favicon, logoMail, reportCover
        case loginTitle, loginHint, footer, legalNotice, termsUrl, privacyUrl, cookieUrl, reportDisclaimer
        case mailFromName, mailFrom, mailReplyTo
        case reportHeader, reportFooter, reportWatermark
        case secondPerson
    }

    package enum Density: String, CaseIterable, Sendable { case compact, cosy }

    /// When a second person has to confirm a publication. The operator sets it for everybody.
    package enum SecondPerson: String, CaseIterable, Sendable {
        /// When legal texts or the sender change.
        case sensitive
        case always
    }

    package static let radiusMax = 12
    package static let baseSizes = 14...20
}

extension BrandDocument.Field {
    typealias Field = BrandDocument.Field

    /// What a person reads beside the value.
    package var title: String {
        switch self {
        case .displayName: "Name shown"
        case .legalName: "Legal name"
        case .mark: "Mark"
        case .supportEmail: "Support address"
        case .supportUrl: "Support page"
        case .phone: "Support telephone"
        case .primary: "Primary"
        case .accent: "Accent"
        case .radius: "Corners"
        case .density: "Rows"
        case .headingFont: "Headings"
        case .baseSize: "Text size"
        case .themeMode: "Themes"
        case .hideProductName: "Product name hidden"
        case .loginTitle: "Title of the sign-in"
        case .loginHint: "Hint at the sign-in"
        case .footer: "Footer"
        case .legalNotice: "Legal notice"
        case .termsUrl: "Terms"
        case .privacyUrl: "Privacy"
        case .cookieUrl: "Cookies"
        case .reportDisclaimer: "Reservation in reports"
        case .mailFromName: "Sender's name"
        case .mailFrom: "Sender's address"
        case .mailReplyTo: "Answers go to"
        case .reportHeader: "Head of reports"
        case .reportFooter: "Foot of reports"
        case .reportWatermark: "Watermark of reports"
        case .secondPerson: "Second person"
        default:
            logoSlot?.title ?? paletteRole.map { "\($0.role.rawValue), \($0.isDark ? "dark" : "light")" } ?? rawValue
        }
    }

    /// The members that lead to the value in the file.
    package var path: [String] {
        if let slot = logoSlot { return ["logos", slot.rawValue] }
        if let paletteRole {
            let name = rawValue.dropFirst(paletteRole.isDark ? 4 : 5)
            return ["palette", paletteRole.isDark ? "dark" : "light", name.prefix(1).lowercased() + name.dropFirst()]
        }
        switch self {
        case .loginTitle, .loginHint, .footer, .legalNotice, .termsUrl, .privacyUrl, .cookieUrl, .reportDisclaimer:
            return ["texts", rawValue]
        case .mailFromName: return ["mail", "fromName"]
        case .mailFrom: return ["mail", "from"]
        case .mailReplyTo: return ["mail", "replyTo"]
        case .reportHeader: return ["report", "header"]
        case .reportFooter: return ["report", "footer"]
        case .reportWatermark: return ["report", "watermark"]
        default: return [rawValue]
        }
    }

    /// Whether languages may have a value of their own.
    package var isTranslated: Bool { Field.translated.contains(self) }

    static let translated: [Field] = [
        .loginTitle, .loginHint, .footer, .legalNotice, .termsUrl, .privacyUrl, .cookieUrl, .reportDisclaimer,
    ]

    /// What a reader relies on in law, and who a mail says that it comes from: a change wants a second person.
    package var isSensitive: Bool {
        [.legalName, .legalNotice, .termsUrl, .privacyUrl, .cookieUrl, .reportDisclaimer, .mailFromName, .mailFrom, .mailReplyTo]
            .contains(self)
    }

    /// The picture that the field holds, if it holds one.
    package var logoSlot: LogoSlot? {
        switch self {
        case .logoLight: .light
        case .logoDark: .dark
        case .logoMark: .mark
        case .favicon: .favicon
        case .logoMail: .mail
        case .reportCover: .reportCover
        default: nil
        }
    }

    package init?(_ slot: LogoSlot) {
        guard let found = Field.allCases.first(where: { $0.logoSlot == slot }) else { return nil }
        self = found
    }

    /// The derived colour that the field replaces, if it replaces one.
    package var paletteRole: (role: Palette.Role, isDark: Bool)? {
        switch self {
        case .lightPrimary: (.primary, false)
        case .lightOnPrimary: (.onPrimary, false)
        case .lightAccent: (.accent, false)
        case .lightLink: (.link, false)
        case .lightText: (.text, false)
        case .lightMutedText: (.text2, false)
        case .lightBackground: (.canvas, false)
        case .lightSurface: (.surface, false)
        case .darkPrimary: (.primary, true)
        case .darkOnPrimary: (.onPrimary, true)
        case .darkAccent: (.accent, true)
        case .darkLink: (.link, true)
        case .darkText: (.text, true)
        case .darkMutedText: (.text2, true)
        case .darkBackground: (.canvas, true)
        case .darkSurface: (.surface, true)
        default: nil
        }
    }

    /// The field of a colour that the gate speaks of; nil for one that cannot be set.
    package init?(_ role: Palette.Role, isDark: Bool) {
        let found = Field.allCases.first { $0.paletteRole.map { $0.role == role && $0.isDark == isDark } ?? false }
        guard let found else { return nil }
        self = found
    }

    /// What may stand in the file.
    var shape: Shape {
        if logoSlot != nil { return .text(.logoName) }
        if paletteRole != nil { return .text(.color) }
        switch self {
        case .mark: return .text(.mark)
        case .supportEmail, .mailFrom, .mailReplyTo: return .text(.email)
        case .supportUrl, .termsUrl, .privacyUrl, .cookieUrl: return .text(.webAddress)
        case .phone: return .text(.phone)
        case .primary, .accent: return .text(.color)
        case .radius: return .integer(0...BrandDocument.radiusMax)
        case .baseSize: return .integer(BrandDocument.baseSizes)
        case .density: return .choice(BrandDocument.Density.allCases.map(\.rawValue))
        case .headingFont: return .choice(BrandDocument.HeadingFont.allCases.map(\.rawValue))
        case .themeMode: return .choice(BrandTheme.Mode.allCases.map(\.rawValue))
        case .secondPerson: return .choice(BrandDocument.SecondPerson.allCases.map(\.rawValue))
        case .hideProductName: return .boolean
        case .mailFromName: return .text(.senderName)
        case .legalNotice, .reportDisclaimer: return .text(.prose)
        default: return .text(.line)
        }
    }

    /// One sentence for the schema.
    var note: String {
        if let slot = logoSlot {
            return "\(slot.title.lowercased()): a PNG or SVG of the folder `assets`, or the name it has been stored under."
        }
        if paletteRole != nil { return "replaces the colour that is derived; publication wants it to be readable." }
        switch self {
        case .displayName: return "the name on pages and mails."
        case .legalName: return "the name in the small print."
        case .mark: return "two letters on the tile beside the name, where there is no logo."
        case .supportEmail: return "where people ask for help."
        case .supportUrl: return "a page with help."
        case .phone: return "where people call for help."
        case .primary: return "colour of the main button, links and the current place; shades are derived."
        case .accent: return "second colour: brand line, second chart series."
        case .radius: return "corner radius in pixels."
        case .density: return "height of rows where a person has not chosen."
        case .headingFont: return "face of headings and signatures."
        case .baseSize: return "size of text in pixels from which all others follow; 16 unless given."
        case .themeMode: return "whether people get light, dark, or what their device says."
        case .hideProductName: return "whether `Countersign` is left out of page titles."
        case .loginTitle: return "heading of the sign-in page."
        case .loginHint: return "line below that heading."
        case .footer: return "line at the foot of every page."
        case .legalNotice: return "what the law wants said at the sign-in and in mails."
        case .termsUrl: return "address of the terms."
        case .privacyUrl: return "address of the privacy notice."
        case .cookieUrl: return "address of the notice about cookies."
        case .reportDisclaimer: return "reservation at the end of reports."
        case .mailFromName: return "name that mails come from."
        case .mailFrom: return "address that mails come from, once its domain is verified."
        case .mailReplyTo: return "where answers to mails go."
        case .reportHeader: return "line at the head of each page of reports."
        case .reportFooter: return "line at the foot of each page of reports."
        case .reportWatermark: return "words behind reports that are not signed off."
        case .secondPerson:
            return
                "operator only: whether every publication wants a second person, or those that change legal texts or the sender."
        default: return "see the reference."
        }
    }
}

extension TextRule {
    /// A file of the folder `assets` as its author named it, or the name under which a picture was stored.
    package static let logoName = TextRule(
        "a picture", pattern: "^([a-z0-9][a-z0-9-]{0,38}|[0-9a-f]{64})\\.(png|svg)$", length: 5...68,
        remedy: "Name a PNG or SVG of the folder `assets`, such as `logo.png`: small letters, digits, hyphens."
    ) { text in
        guard text.hasSuffix(".png") || text.hasSuffix(".svg") else { return false }
        let stem = Array(text.utf8.dropLast(4))
        guard let first = stem.first, first.isLowerLetter || first.isDigit, stem.count <= 64 else { return false }
        let isShort = stem.count <= 39 && stem.allSatisfy { $0.isLowerLetter || $0.isDigit || $0 == UInt8(ascii: "-") }
        return isShort || (stem.count == 64 && stem.allSatisfy { $0.isDigit || (0x61...0x66).contains($0) })
    }

    /// An address that pages and mails may lead to.
    package static let webAddress = TextRule(
        "a web address", pattern: "^https://[a-z0-9.-]+(/[A-Za-z0-9._~/?=&%+-]*)?$", length: 12...300,
        remedy: "Write it whole, such as `https://halden-price.example/terms`."
    ) { text in
        guard text.hasPrefix("https://") else { return false }
        let rest = text.dropFirst(8)
        let host = rest.prefix { $0 != "/" }
        // A path of its own form; whether the name is one is for the rules of host names.
        guard let name = try? HostName(header: String(host)), !name.isAddress, sameBytes(name.text, String(host)) else {
            return false
        }
        return rest.dropFirst(host.count).utf8.allSatisfy { byte in
            byte.isLowerLetter || byte.isUpperLetter || byte.isDigit || "._~/?=&%+-".utf8.contains(byte)
        }
    }

    package static let phone = TextRule(
        "a telephone number", pattern: "^\\+?[0-9][0-9 ()/-]{4,30}$", length: 5...32,
        remedy: "Write digits, such as `+49 40 123456`."
    ) { text in
        let bytes = Array(text.utf8)
        let digits = bytes.first == UInt8(ascii: "+") ? bytes.dropFirst() : bytes[...]
        return digits.first?.isDigit == true && digits.allSatisfy { $0.isDigit || " ()/-".utf8.contains($0) }
    }

    package static let senderName = TextRule(
        "a sender's name", pattern: "^[^\\u0000-\\u001f\\u007f<>@\"]+$", length: 2...SenderName.scalarsMax,
        remedy: "Use letters of one script, digits, blanks and & . , ' - + / ( )."
    ) { SenderName.flaw($0) == nil }
}
