package import Kernel

/// How much of something: a decimal of at most six places and a unit of UN/ECE Recommendation 20 (`C62` a piece, `HUR` an hour).
package struct Quantity: Hashable, Sendable, JSONCoded, CustomStringConvertible {
    package static let decimalsMax = 6
    package static let unitBytesMax = 10

    package let value: ExactDecimal
    package let unit: String

    package init(_ value: ExactDecimal, unit: String) throws(Refusal) {
        guard value.normalized.scale <= Quantity.decimalsMax else {
            throw Refusal(.invalid, reason: "quantity.scale", "A quantity has at most \(Quantity.decimalsMax) decimals.")
        }
        guard !unit.isEmpty, unit.utf8.count <= Quantity.unitBytesMax else {
            throw Refusal(
                .invalid, reason: "quantity.unit", "A quantity needs a unit code of at most \(Quantity.unitBytesMax) characters.")
        }
        self.value = value
        self.unit = unit
    }

    package init(json: JSONValue, at pointer: String) throws(Refusal) {
        var fields = try JSONFields(json, at: pointer)
        let value: ExactDecimal = try fields.required("value")
        let unit: String = try fields.required("unit")
        try fields.finish()
        do {
            try self.init(value, unit: unit)
        } catch {
            throw .json("type", at: pointer, error.message)
        }
    }

    package var json: JSONValue { .object(["value": value.json, "unit": .string(unit)]) }
    package var description: String { "\(value) \(unit)" }

    /// Written alike, not merely worth the same: `2.0` and `2` are different texts of one quantity and compare equal here.
    package static func == (lhs: Quantity, rhs: Quantity) -> Bool { lhs.value == rhs.value && lhs.unit == rhs.unit }
}

/// A percentage from 0 to 100 with at most four decimals, as text: `19`, `4.8`, `33.3333`.
package struct Percent: Hashable, Sendable, JSONCoded, CustomStringConvertible {
    package static let decimalsMax = 4

    package let value: ExactDecimal

    package init(_ value: ExactDecimal) throws(Refusal) {
        guard !value.isNegative, value <= ExactDecimal(100), value.normalized.scale <= Percent.decimalsMax else {
            throw Refusal(
                .invalid, reason: "percent.range", "A percentage is from 0 to 100 with at most \(Percent.decimalsMax) decimals.")
        }
        self.value = value
    }

    package init(json: JSONValue, at pointer: String) throws(Refusal) {
        let value = try ExactDecimal(json: json, at: pointer)
        do {
            try self.init(value)
        } catch {
            throw .json("type", at: pointer, error.message)
        }
    }

    package var json: JSONValue { value.json }
    package var description: String { value.description }
}

/// An identifier and who issues it: `vat`, `iso6523:0088`, `eas:9930`, `lei`, `duns`, `gln`, `iban`, `bic`, `aba`, `bban:DE`,
/// `erp:<connection>`, `tax:US-EIN`; `unqualified` when the document names no scheme.
package struct Identifier: Hashable, Sendable, JSONCoded {
    package static let unqualified = "unqualified"

    package let scheme: String
    package let value: String

    package init(scheme: String, value: String) {
        self.scheme = scheme
        self.value = value
    }

    package init(json: JSONValue, at pointer: String) throws(Refusal) {
        var fields = try JSONFields(json, at: pointer)
        scheme = try fields.required("scheme")
        value = try fields.required("value")
        try fields.finish()
    }

    package var json: JSONValue { .object(["scheme": .string(scheme), "value": .string(value)]) }
}

/// A country code of two letters (ISO 3166-1, and `XI` for Northern Ireland's tax territory).
package struct Country: Hashable, Sendable, JSONCoded, CustomStringConvertible {
    package let code: String

    package init?(_ code: String) {
        guard code.utf8.count == 2, code.utf8.allSatisfy({ $0 >= UInt8(ascii: "A") && $0 <= UInt8(ascii: "Z") }) else {
            return nil
        }
        self.code = code
    }

    package init(json: JSONValue, at pointer: String) throws(Refusal) {
        guard let country = json.string.flatMap({ Country($0) }) else {
            throw .json("type", at: pointer, "A country code of two capital letters is due here.")
        }
        self = country
    }

    package var json: JSONValue { .string(code) }
    package var description: String { code }
}

/// A postal address; only the country is always known.
package struct Address: Hashable, Sendable, JSONCoded {
    package var line1: String?
    package var line2: String?
    package var city: String?
    package var postCode: String?
    package var subdivision: String?
    package var country: Country

    package init(
        line1: String? = nil, line2: String? = nil, city: String? = nil, postCode: String? = nil, subdivision: String? = nil,
        country: Country
    ) {
        self.line1 = line1
        self.line2 = line2
        self.city = city
        self.postCode = postCode
        self.subdivision = subdivision
        self.country = country
    }

    package init(json: JSONValue, at pointer: String) throws(Refusal) {
        var fields = try JSONFields(json, at: pointer)
        line1 = try fields.optional("line1")
        line2 = try fields.optional("line2")
        city = try fields.optional("city")
        postCode = try fields.optional("postCode")
        subdivision = try fields.optional("subdivision")
        country = try fields.required("country")
        try fields.finish()
    }

    package var json: JSONValue {
        .object([
            "line1": line1?.json, "line2": line2?.json, "city": city?.json, "postCode": postCode?.json,
            "subdivision": subdivision?.json, "country": country.json,
        ])
    }
}

/// A person or desk to ask; EN 16931 BG-6 and BG-9.
package struct Contact: Hashable, Sendable, JSONCoded {
    package var name: String?
    package var phone: String?
    package var email: String?

    package init(name: String? = nil, phone: String? = nil, email: String? = nil) {
        self.name = name
        self.phone = phone
        self.email = email
    }

    package init(json: JSONValue, at pointer: String) throws(Refusal) {
        var fields = try JSONFields(json, at: pointer)
        name = try fields.optional("name")
        phone = try fields.optional("phone")
        email = try fields.optional("email")
        try fields.finish()
    }

    package var json: JSONValue { .object(["name": name?.json, "phone": phone?.json, "email": email?.json]) }
}

/// A span of days, both included; at least one end is known.
package struct Period: Hashable, Sendable, JSONCoded {
    package var start: CivilDate?
    package var end: CivilDate?

    package init(start: CivilDate? = nil, end: CivilDate? = nil) {
        self.start = start
        self.end = end
    }

    package init(json: JSONValue, at pointer: String) throws(Refusal) {
        var fields = try JSONFields(json, at: pointer)
        start = try fields.optional("start")
        end = try fields.optional("end")
        try fields.finish()
    }

    package var json: JSONValue { .object(["start": start?.json, "end": end?.json]) }
}

/// The tax category codes of EN 16931 (UNTDID 5305): standard, zero, exempt, reverse charge, intra-community, export,
/// outside scope, Canary Islands, Ceuta and Melilla, split payment.
package enum TaxCategory: String, Sendable, CaseIterable, JSONCoded {
    case s = "S", z = "Z", e = "E", ae = "AE", k = "K", g = "G", o = "O", l = "L", m = "M", b = "B"
}
