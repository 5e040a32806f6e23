package import Kernel

/// What a brand sets: `brand.yaml` of the operator, a partner or a tenant. What it leaves out comes from the next level up.
package struct BrandDocument: Hashable, Sendable {
    /// The members of a brand, in the order in which pages list them.
    package enum Field: String, CaseIterable, Hashable, Sendable {
        case displayName, legalName, mark, supportEmail, primary, accent, radius, headingFont, loginTitle, footer
    }

    package enum HeadingFont: String, CaseIterable, Sendable { case system, inter, serif }

    /// Values as text, also the radius; only what this level sets.
    package let values: [Field: String]
    /// Fields that levels below must not set.
    package let locks: Set<Field>

    package init(values: [Field: String], locks: Set<Field> = []) {
        self.values = values
        self.locks = locks
    }

    package static let radiusMax = 12

    package static let shape = ObjectShape(
        "a brand file", "The look and the words of one level; what it leaves out comes from the level above.",
        [
            required("kind", .choice(["brand"]), "always `brand`."),
            optional("displayName", .text(.line), "the name on pages and mails."),
            optional("legalName", .text(.line), "the name in the small print."),
            optional("mark", .text(.mark), "two letters on the tile beside the name."),
            optional("supportEmail", .text(.email), "where people ask for help."),
            optional("primary", .text(.color), "colour of the main button, links and the current place; shades are derived."),
            optional("accent", .text(.color), "second colour: brand line, second chart series."),
            optional("radius", .integer(0...radiusMax), "corner radius in pixels."),
            optional("headingFont", .choice(HeadingFont.allCases.map(\.rawValue)), "face of headings and signatures."),
            optional("texts", .object(textsShape), "sentences of its own."),
            optional(
                "locks", .list(of: .choice(Field.allCases.map(\.rawValue)), count: 1...Field.allCases.count),
                "members that levels below must not set."),
        ])

    private static let textsShape = ObjectShape(
        "the brand's texts", "Plain text; nothing in it is markup.",
        [
            optional("loginTitle", .text(.line), "heading of the sign-in page."),
            optional("footer", .text(.line), "line at the foot of every page."),
        ])

    package static func parse(_ json: JSONValue, issues: inout [AssetIssue]) -> BrandDocument? {
        guard shape.check(json, issues: &issues) else { return nil }
        var values: [Field: String] = [:]
        for field in Field.allCases {
            let place = field == .loginTitle || field == .footer ? json["texts"] : json
            guard let value = place?[field.rawValue] else { continue }
            values[field] = value.string ?? value.int.map(String.init)
        }
        return BrandDocument(values: values, locks: Set(Fields(json).texts("locks").compactMap(Field.init(rawValue:))))
    }

    /// Pointer of a field in the file.
    package static func pointer(to field: Field) -> String {
        field == .loginTitle || field == .footer ? "/texts/\(field.rawValue)" : "/\(field.rawValue)"
    }

    /// What holds when nobody has set anything.
    package static let product = BrandDocument(values: [
        .displayName: "Countersign", .legalName: "Countersign", .mark: "CS", .supportEmail: "support@countersign.example",
        .primary: "#1d4e63", .accent: "#b5652a", .radius: "6", .headingFont: HeadingFont.system.rawValue,
        .loginTitle: "Sign in", .footer: "",
    ])
}

/// The brand that people of a scope see, with the level each value came from.
package struct ResolvedBrand: Hashable, Sendable {
    package struct Value: Hashable, Sendable {
        package let text: String
        /// Nil for the product's own default.
        package let source: Scope?
    }

    package let fields: [BrandDocument.Field: Value]

    /// Resolves field by field, the most specific level first; a lock of a level above wins over anything below it.
    ///
    /// `levels` runs from the scope itself up to the operator, so tenant, partner, operator.
    package init(_ levels: [(scope: Scope, brand: BrandDocument)]) {
        var fields: [BrandDocument.Field: Value] = [:]
        for field in BrandDocument.Field.allCases {
            let locking = levels.lastIndex { $0.brand.locks.contains(field) } ?? 0
            let found = levels[min(locking, levels.count)...].first { $0.brand.values[field] != nil }
            if let found, let text = found.brand.values[field] {
                fields[field] = Value(text: text, source: found.scope)
            } else {
                fields[field] = Value(text: BrandDocument.product.values[field] ?? "", source: nil)
            }
        }
        self.fields = fields
    }

    package subscript(field: BrandDocument.Field) -> String { fields[field]?.text ?? "" }

    package var radius: Int { Int(self[.radius]) ?? 6 }
    package var headingFont: BrandDocument.HeadingFont { BrandDocument.HeadingFont(rawValue: self[.headingFont]) ?? .system }

    /// `{field: {value, source}}`, the source as a scope path or null for the product's default.
    package var json: JSONValue {
        .object(
            JSONObject(
                BrandDocument.Field.allCases.map { field in
                    (
                        key: field.rawValue,
                        value: .object([
                            "value": .string(self[field]),
                            "source": fields[field]?.source.map { .string($0.path) } ?? .null,
                        ])
                    )
                }))
    }
}
