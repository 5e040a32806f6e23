package import Branding
package import Kernel

/// The brand that people of a scope see, with the level each value came from.
package struct ResolvedBrand: Hashable, Sendable {
    package struct Value: Hashable, Sendable {
        package let text: String
        /// Nil for the product's own default.
        package let source: Scope?
        /// The level that forbids those below to set it; nil when nobody does.
        package let lockedBy: Scope?
    }

    package let fields: [BrandDocument.Field: Value]
    private let translations: [BrandLanguage: [BrandDocument.Field: String]]
    private let mails: [BrandDocument.Mail]

    /// Resolves field by field, the most specific level first; a lock of a level above wins over anything below it.
    ///
    /// `levels` runs from the scope itself up to the operator, so tenant, partner, operator.
    package init(_ levels: [(scope: Scope, brand: BrandDocument)]) {
        var fields: [BrandDocument.Field: Value] = [:]
        var translations: [BrandLanguage: [BrandDocument.Field: String]] = [:]
        for field in BrandDocument.Field.allCases {
            let locking = levels.lastIndex { $0.brand.locks.contains(field) }
            let candidates = levels[(locking ?? 0)...]
            let found = candidates.first { $0.brand.values[field] != nil }
            let locked = locking.map { levels[$0].scope }
            if let found, let text = found.brand.values[field] {
                fields[field] = Value(text: text, source: found.scope, lockedBy: locked)
            } else {
                fields[field] = Value(text: BrandDocument.product.values[field] ?? "", source: nil, lockedBy: locked)
            }
            guard field.isTranslated else { continue }
            // A level's own text is nearer than a translation of a level above it.
            let reach = candidates.firstIndex { $0.brand.values[field] != nil } ?? candidates.endIndex
            for language in BrandLanguage.allCases {
                let near = candidates.first { $0.brand.translations[language]?[field] != nil }
                let index = candidates.firstIndex { $0.brand.translations[language]?[field] != nil } ?? candidates.endIndex
                if let near, index <= reach {
                    translations[language, default: [:]][field] = near.brand.translations[language]?[field]
                }
            }
        }
        // Whether the operator wants a second person is not for those to say who would be the first.
        if let top = levels.last, top.scope == .operator, let wish = top.brand.values[.secondPerson] {
            fields[.secondPerson] = Value(text: wish, source: top.scope, lockedBy: .operator)
        } else {
            fields[.secondPerson] = Value(
                text: BrandDocument.SecondPerson.sensitive.rawValue, source: nil, lockedBy: .operator)
        }
        self.fields = fields
        self.translations = translations
        mails = levels.flatMap(\.brand.mails)
    }

    package subscript(field: BrandDocument.Field) -> String { fields[field]?.text ?? "" }

    /// The text for a reader of that language.
    package subscript(field: BrandDocument.Field, language: BrandLanguage) -> String {
        translations[language]?[field] ?? self[field]
    }

    package var radius: Int { Int(self[.radius]) ?? 6 }
    package var headingFont: BrandDocument.HeadingFont { BrandDocument.HeadingFont(rawValue: self[.headingFont]) ?? .system }

    /// Nobody below may set it.
    package func lock(on field: BrandDocument.Field, for scope: Scope) -> Scope? {
        fields[field]?.lockedBy.flatMap { $0 != scope && $0.covers(scope) ? $0 : nil }
    }

    /// Colours that somebody set by hand.
    package var chosen: BrandTheme.Chosen {
        var chosen = BrandTheme.Chosen()
        for field in BrandDocument.Field.allCases {
            guard let place = field.paletteRole, let color = HexColor(self[field]) else { continue }
            if place.isDark { chosen.dark[place.role] = color } else { chosen.light[place.role] = color }
        }
        return chosen
    }

    /// The colours in both themes, derived and chosen.
    package var theme: BrandTheme {
        let standard = BrandTheme.standard
        let font: BrandTheme.HeadingFont =
            switch headingFont {
            case .system: .system
            case .inter: .inter
            case .serif: .bookSerif
            }
        return BrandTheme.derive(
            primary: HexColor(self[.primary]) ?? standard.primary, accent: HexColor(self[.accent]) ?? standard.accent,
            radius: radius, headingFont: font, baseSize: Int(self[.baseSize]) ?? BrandTheme.baseSizeStandard,
            mode: BrandTheme.Mode(rawValue: self[.themeMode]) ?? .auto, chosen: chosen)
    }

    package var contrast: ContrastReport { ContrastReport(theme, chosen: chosen) }

    /// The words of a mail: the nearest level that wrote them in that language, or the product's.
    package func template(_ kind: MailKind, _ language: BrandLanguage) -> MailTemplate {
        mails.first { $0.kind == kind && $0.language == language }?.template ?? .standard(kind, language)
    }

    /// What stands at the foot of mails.
    package func mailFooter(_ language: BrandLanguage) -> [String] {
        let contact = [self[.supportEmail], self[.phone]].filter { !$0.isEmpty }.joined(separator: ", ")
        return [self[.legalName], contact, self[.footer, language], self[.legalNotice, language]]
    }

    /// `{field: {value, source, lockedBy}}`, the source as a scope path or null for the product's default.
    package var json: JSONValue {
        .object(
            JSONObject(
                BrandDocument.Field.allCases.map { field in
                    (
                        key: field.rawValue,
                        value: .object([
                            "value": .string(self[field]),
                            "source": fields[field]?.source.map { .string($0.path) } ?? .null,
                            "lockedBy": fields[field]?.lockedBy.map { .string($0.path) } ?? .null,
                        ])
                    )
                }))
    }
}
