internal import Branding
internal import Console
internal import Flow
internal import Kernel
internal import Records
internal import Tenancy
internal import WebKernel

/// The fields of the studio's form: how they are shown, and what was sent put into a brand.
struct BrandForm {
    typealias Field = BrandDocument.Field

    let desk: BrandStudio.Desk
    /// For those who may look and change nothing: values and no fields.
    var isReadOnly = false

    /// What most brands need: two colours, a logo, a name.
    static let main: [Field] = [
        .primary, .accent, .logoLight, .radius, .headingFont, .displayName, .mark, .mailFromName, .legalNotice,
    ]

    private static let groups: [(title: String, note: String, fields: [Field])] = [
        ("Who we are", "", [.legalName, .supportEmail, .supportUrl, .phone]),
        (
            "Pictures", "PNG, or SVG of plain paths; each is made anew before it is stored.",
            [.logoDark, .logoMark, .favicon, .logoMail, .reportCover]
        ),
        ("Form", "", [.density, .baseSize, .themeMode, .hideProductName]),
        (
            "Colours of the light theme", "Empty: derived from the two colours.",
            Field.allCases.filter { $0.paletteRole?.isDark == false }
        ),
        (
            "Colours of the dark theme", "Empty: derived from the two colours.",
            Field.allCases.filter { $0.paletteRole?.isDark == true }
        ),
        (
            "Texts", "Plain text, for all languages.",
            [.loginTitle, .loginHint, .footer, .termsUrl, .privacyUrl, .cookieUrl, .reportDisclaimer]
        ),
        ("Sender of mails", "", [.mailFrom, .mailReplyTo]),
        ("Reports", "", [.reportHeader, .reportFooter, .reportWatermark]),
    ]

    // MARK: Shown

    var controls: [BrandPage.Control] { BrandForm.main.map { control($0) } }

    var groups: [BrandPage.Group] {
        var out = BrandForm.groups.map {
            BrandPage.Group(title: $0.title, note: $0.note, controls: $0.fields.map { control($0) })
        }
        if desk.scope == .operator { out.append(BrandPage.Group(title: "Publication", controls: [control(.secondPerson)])) }
        for language in BrandLanguage.allCases where language != .en {
            let fields = Field.allCases.filter(\.isTranslated).map { control($0, language) }
            out.append(BrandPage.Group(title: "Texts in \(BrandForm.name(language))", controls: fields))
        }
        for kind in MailKind.allCases {
            let note = "Variables: \(kind.variables.map { "{{\($0)}}" }.joined(separator: ", ")). Empty: the product's own words."
            out.append(
                BrandPage.Group(
                    title: "Mail: \(kind.name)", note: note,
                    controls: BrandLanguage.allCases.flatMap { [control(kind, $0, "subject"), control(kind, $0, "body")] }))
        }
        return out
    }

    static func name(_ language: BrandLanguage) -> String {
        switch language {
        case .en: "English"
        case .de: "German"
        case .fr: "French"
        }
    }

    private func control(_ field: Field, _ language: BrandLanguage? = nil) -> BrandPage.Control {
        let own = language.map { desk.edited.translations[$0]?[field] } ?? desk.edited.values[field]
        let above = ResolvedBrand(desk.above.map { ($0.scope, $0.brand) })
        let inherited = language.map { above[field, $0] } ?? above[field]
        let lock = desk.resolved.lock(on: field, for: desk.scope)
        let problem = desk.issues.first { $0.pointer == BrandDocument.pointer(to: field) }
        return BrandPage.Control(
            name: language.map { "\(field.rawValue).\($0.rawValue)" } ?? field.rawValue, label: field.title,
            source: source(field, own: own, lock: lock), value: shown(own, inherited, field),
            inherited: isReadOnly ? own ?? inherited : inherited,
            kind: kind(field), isLocked: lock != nil || isReadOnly, problem: problem.map { "\($0.message) \($0.remedy)" } ?? "")
    }

    /// A picture of a level above is not for this one to take away, and a colour well always holds a colour.
    private func shown(_ own: String?, _ inherited: String, _ field: Field) -> String {
        [.primary, .accent].contains(field) ? own ?? inherited : own ?? ""
    }

    private func source(_ field: Field, own: String?, lock: Tenancy.Scope?) -> String {
        if let lock { return "\(lock.level.rawValue), locked" }
        if own != nil { return "yours" }
        let above = desk.above.first { $0.brand.values[field] != nil }
        return above.map { $0.scope.level.rawValue } ?? "product"
    }

    private func kind(_ field: Field) -> BrandPage.Control.Kind {
        func words<Word: CaseIterable & RawRepresentable<String>>(_: Word.Type) -> BrandPage.Control.Kind {
            .choice(Word.allCases.map { ($0.rawValue, $0.rawValue.prefix(1).uppercased() + $0.rawValue.dropFirst()) })
        }
        if field.logoSlot != nil { return .picture }
        switch field {
        case .primary, .accent: return .color
        case .radius: return .number(0, BrandDocument.radiusMax)
        case .baseSize: return .number(BrandDocument.baseSizes.lowerBound, BrandDocument.baseSizes.upperBound)
        case .headingFont: return words(BrandDocument.HeadingFont.self)
        case .density: return words(BrandDocument.Density.self)
        case .themeMode: return words(BrandTheme.Mode.self)
        case .secondPerson: return words(BrandDocument.SecondPerson.self)
        case .hideProductName: return .choice([("true", "Yes"), ("false", "No")])
        case .legalNotice, .reportDisclaimer: return .paragraph
        default: return .text
        }
    }

    private func control(_ kind: MailKind, _ language: BrandLanguage, _ part: String) -> BrandPage.Control {
        let own = desk.edited.mails.first { $0.kind == kind && $0.language == language }
        let pointer = "/mail/templates/\(kind.name)/\(language.rawValue)/\(part)"
        let problem = desk.issues.first { $0.pointer == pointer }
        return BrandPage.Control(
            name: "mail.\(kind.name).\(language.rawValue).\(part)",
            label: "\(part == "subject" ? "Subject" : "Text"), \(BrandForm.name(language))",
            source: own == nil ? "above" : "yours",
            value: (part == "subject" ? own?.subject : own?.body) ?? "",
            inherited: (part == "subject" ? own?.subject : own?.body) ?? "",
            kind: part == "subject" ? .text : .paragraph, isLocked: isReadOnly,
            problem: problem.map { "\($0.message) \($0.remedy)" } ?? "")
    }

    // MARK: Sent

    /// The brand with what the form says; fields that were not on the form stay as they are.
    func taken(_ form: UploadedForm, pictures: [LogoSlot: String]) throws(Refusal) -> JSONValue {
        var brand = desk.edited
        let above = ResolvedBrand(desk.above.map { ($0.scope, $0.brand) })
        for field in Field.allCases {
            if let slot = field.logoSlot {
                if let name = pictures[slot] {
                    brand.values[field] = name
                } else if form.fields["\(field.rawValue).remove"] == "true" {
                    brand.values[field] = nil
                }
                continue
            }
            if let text = form.fields[field.rawValue] {
                let value = BrandForm.trimmed(text)
                let isUnchangedWell =
                    [.primary, .accent].contains(field) && desk.edited.values[field] == nil && value == above[field]
                if value != brand.values[field].map(BrandForm.trimmed) {
                    brand.values[field] = value.isEmpty || isUnchangedWell ? nil : value
                }
            }
            for language in BrandLanguage.allCases {
                guard let text = form.fields["\(field.rawValue).\(language.rawValue)"] else { continue }
                let value = BrandForm.trimmed(text)
                brand.translations[language, default: [:]][field] = value.isEmpty ? nil : value
            }
        }
        for kind in MailKind.allCases {
            for language in BrandLanguage.allCases { BrandForm.take(kind, language, form, &brand) }
        }
        if let repair = form.fields["repair"] { try BrandForm.mend(&brand, repair) }
        return brand.json
    }

    private static func take(_ kind: MailKind, _ language: BrandLanguage, _ form: UploadedForm, _ brand: inout BrandDocument) {
        let name = "mail.\(kind.name).\(language.rawValue)"
        guard let subject = form.fields["\(name).subject"], let body = form.fields["\(name).body"] else { return }
        let (head, text) = (trimmed(subject), trimmed(body))
        // Line ends at the end of a file's text are no change.
        let known = brand.mails.first { $0.kind == kind && $0.language == language }
        if let known, trimmed(known.subject) == head, trimmed(known.body) == text { return }
        brand.mails.removeAll { $0.kind == kind && $0.language == language }
        guard !head.isEmpty || !text.isEmpty else { return }
        brand.mails.append(BrandDocument.Mail(kind: kind, language: language, subject: head, body: text))
    }

    /// `lightAccent=#a58206`, or `lightAccent=` where the colour is to be derived again.
    private static func mend(_ brand: inout BrandDocument, _ repair: String) throws(Refusal) {
        let sides = repair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard sides.count == 2, let field = Field(rawValue: sides[0]), field.paletteRole != nil,
            sides[1].isEmpty || HexColor(sides[1]) != nil
        else {
            throw Refusal(.invalid, reason: "brand.repair", "This is no repair that was offered.", facts: ["field": "repair"])
        }
        brand.values[field] = sides[1].isEmpty ? nil : sides[1]
    }

    /// Browsers send line ends as CR LF.
    private static func trimmed(_ text: String) -> String {
        let lines = text.split(omittingEmptySubsequences: false) { $0 == "\r\n" || $0 == "\n" }.joined(separator: "\n")
        let start = lines.drop { $0 == " " || $0 == "\n" || $0 == "\t" }
        return String(start.reversed().drop { $0 == " " || $0 == "\n" || $0 == "\t" }.reversed())
    }
}
