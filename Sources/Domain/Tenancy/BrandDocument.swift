package import Branding
package import Kernel

/// What a brand sets: `brand.yaml` of the operator, a partner or a tenant. What it leaves out comes from the next level up.
package struct BrandDocument: Hashable, Sendable {
    package enum HeadingFont: String, CaseIterable, Sendable { case system, inter, serif }

    /// A mail's own words, in one language.
    package struct Mail: Hashable, Sendable {
        package let kind: MailKind
        package let language: BrandLanguage
        package let subject: String
        package let body: String

        package init(kind: MailKind, language: BrandLanguage, subject: String, body: String) {
            self.kind = kind
            self.language = language
            self.subject = subject
            self.body = body
        }

        /// Nil when the words are none that the gate of mails takes; those were issues when the brand was read.
        package var template: MailTemplate? {
            // The flaw was told with its place when the brand was read.
            try? MailTemplate(kind, subject: subject, body: body)
        }
    }

    /// Values as text, also numbers and flags; only what this level sets.
    package var values: [Field: String]
    /// Values of one language, in place of those of all.
    package var translations: [BrandLanguage: [Field: String]]
    package var mails: [Mail]
    /// Fields that levels below must not set.
    package var locks: Set<Field>

    package init(
        values: [Field: String], translations: [BrandLanguage: [Field: String]] = [:], mails: [Mail] = [], locks: Set<Field> = []
    ) {
        self.values = values
        self.translations = translations
        self.mails = mails
        self.locks = locks
    }

    // MARK: Form

    package static let shape = ObjectShape(
        "a brand file", "The look and the words of one level; what it leaves out comes from the level above.",
        [required("kind", .choice(["brand"]), "always `brand`.")]
            + members(at: []) + groups
            + [
                optional(
                    "locks", .list(of: .choice(Field.allCases.map(\.rawValue)), count: 1...Field.allCases.count),
                    "members that levels below must not set.")
            ])

    private static func members(at path: [String]) -> [ObjectShape.Member] {
        Field.allCases.filter { Array($0.path.dropLast()) == path }.map {
            optional($0.path[$0.path.count - 1], $0.shape, $0.note)
        }
    }

    private static let groups: [ObjectShape.Member] = {
        let texts = ObjectShape("the brand's texts", "Plain text; nothing in it is markup.", members(at: ["texts"]))
        let half = { (name: String) in
            Shape.object(ObjectShape("colours set by hand", "Colours in place of derived ones.", members(at: ["palette", name])))
        }
        let words = ObjectShape(
            "the words of a mail", "Text with named variables such as {{link}}; nothing in it is markup.",
            [
                required("subject", .text(.line), "one line."),
                required("body", .text(.mailBody), "paragraphs with blank lines between."),
            ])
        let languages = ObjectShape(
            "a mail by language", "The words of one mail.",
            BrandLanguage.allCases.map { optional($0.rawValue, .object(words), "in this language.") })
        let mail = ObjectShape(
            "the brand's mails", "Who mails come from, and their words.",
            members(at: ["mail"]) + [
                optional(
                    "templates",
                    .object(
                        ObjectShape(
                            "words of mails", "In place of the product's own.",
                            MailKind.allCases.map {
                                optional(
                                    $0.name, .object(languages),
                                    "variables: \($0.variables.map { "{{\($0)}}" }.joined(separator: ", ")).")
                            })), "words in place of the product's own.")
            ])
        return [
            optional(
                "logos", .object(ObjectShape("the brand's pictures", "PNG or plain SVG.", members(at: ["logos"]))), "pictures."),
            optional(
                "palette",
                .object(
                    ObjectShape(
                        "colours set by hand", "Not needed: all follow from the two colours.",
                        ["light", "dark"].map { optional($0, half($0), "of this theme.") })),
                "colours in place of derived ones."),
            optional("texts", .object(texts), "sentences of its own, for all languages."),
            optional(
                "translations",
                .object(
                    ObjectShape(
                        "texts by language", "In place of `texts` for readers of that language.",
                        BrandLanguage.allCases.map { optional($0.rawValue, .object(texts), "in this language.") })),
                "sentences of one language."),
            optional("mail", .object(mail), "mails."),
            optional(
                "report", .object(ObjectShape("the brand's reports", "Lines of reports.", members(at: ["report"]))), "reports."),
        ]
    }()

    package static func parse(_ json: JSONValue, issues: inout [AssetIssue]) -> BrandDocument? {
        guard shape.check(json, issues: &issues) else { return nil }
        var document = BrandDocument(values: [:])
        for field in Field.allCases {
            if let value = text(at: field.path, in: json) { document.values[field] = value }
        }
        for language in BrandLanguage.allCases {
            for field in Field.translated {
                let place = ["translations", language.rawValue, field.rawValue]
                if let value = text(at: place, in: json) { document.translations[language, default: [:]][field] = value }
            }
        }
        for kind in MailKind.allCases {
            for language in BrandLanguage.allCases {
                guard let words = json["mail"]?["templates"]?[kind.name]?[language.rawValue] else { continue }
                let mail = Mail(
                    kind: kind, language: language, subject: words["subject"]?.string ?? "", body: words["body"]?.string ?? "")
                document.mails.append(mail)
                document.check(mail, issues: &issues)
            }
        }
        document.locks = Set(Fields(json).texts("locks").compactMap(Field.init(rawValue:)))
        return document
    }

    private func check(_ mail: Mail, issues: inout [AssetIssue]) {
        do throws(MailTemplate.Flaw) {
            _ = try MailTemplate(mail.kind, subject: mail.subject, body: mail.body)
        } catch {
            issues.append(
                AssetIssue(
                    "/mail/templates/\(mail.kind.name)/\(mail.language.rawValue)/\(error.part)", error.message,
                    remedy: error.remedy))
        }
    }

    private static func text(at path: [String], in json: JSONValue) -> String? {
        var place: JSONValue? = json
        for name in path { place = place?[name] }
        guard let place else { return nil }
        return place.string ?? place.int.map(String.init) ?? place.bool.map { $0 ? "true" : "false" }
    }

    /// Pointer of a field in the file.
    package static func pointer(to field: Field) -> String { "/" + field.path.joined(separator: "/") }

    /// The document as a file has it: what this level sets and nothing else, in the order of the schema.
    package var json: JSONValue {
        var members: JSONObject = ["kind": "brand"]
        for field in Field.allCases {
            if let value = values[field] {
                BrandDocument.put(BrandDocument.json(value, field), at: field.path[...], into: &members)
            }
        }
        for language in BrandLanguage.allCases {
            for field in Field.translated {
                guard let value = translations[language]?[field] else { continue }
                BrandDocument.put(.string(value), at: ["translations", language.rawValue, field.rawValue], into: &members)
            }
        }
        for mail in mails {
            BrandDocument.put(
                ["subject": .string(mail.subject), "body": .string(mail.body)],
                at: ["mail", "templates", mail.kind.name, mail.language.rawValue], into: &members)
        }
        let locked = Field.allCases.filter { locks.contains($0) }.map { JSONValue.string($0.rawValue) }
        if !locked.isEmpty { members["locks"] = .array(locked) }
        return .object(members)
    }

    /// A value as its member holds it: a number and a flag are none of a text.
    static func json(_ value: String, _ field: Field) -> JSONValue {
        switch field.shape {
        case .integer: Int(value).map { JSONValue($0) } ?? .string(value)
        case .boolean: .bool(value == "true")
        default: .string(value)
        }
    }

    private static func put(_ value: JSONValue, at path: ArraySlice<String>, into members: inout JSONObject) {
        guard let first = path.first else { return }
        if path.count == 1 {
            members[first] = value
            return
        }
        var inner = members[first]?.object ?? JSONObject()
        put(value, at: path.dropFirst(), into: &inner)
        members[first] = .object(inner)
    }

    /// What holds when nobody has set anything.
    package static let product = BrandDocument(values: [
        .displayName: "Countersign", .legalName: "Countersign", .mark: "CS", .supportEmail: "support@countersign.example",
        .primary: "#1d4e63", .accent: "#b5652a", .radius: "6", .headingFont: HeadingFont.system.rawValue,
        .density: Density.compact.rawValue, .baseSize: "16", .themeMode: BrandTheme.Mode.auto.rawValue,
        .hideProductName: "true", .loginTitle: "Sign in", .footer: "", .secondPerson: SecondPerson.sensitive.rawValue,
    ])
}

extension TextRule {
    static let mailBody = TextRule(
        "the text of a mail", pattern: "^[^\\u0000-\\u0009\\u000b-\\u001f\\u007f]+$", length: 1...MailTemplate.bodyScalarsMax,
        remedy: "Write paragraphs of plain text; {{link}} on a line of its own becomes the button."
    ) { $0.unicodeScalars.allSatisfy { $0.isPrintable || $0 == "\n" } }
}
