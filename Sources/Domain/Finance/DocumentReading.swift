package import Kernel

/// What a file is by its content; names and media types that senders attach are not believed.
package enum DocumentKind: Sendable, Equatable, CustomStringConvertible {
    case ublInvoice, ublCreditNote, cii
    /// XML of another vocabulary, by the name of its root.
    case xml(root: String)
    case pdf, json, csv, email, zip
    case unknown

    package var description: String {
        switch self {
        case .ublInvoice: "ubl-Invoice"
        case .ublCreditNote: "ubl-CreditNote"
        case .cii: "cii"
        case .xml(let root): root.isEmpty ? "xml" : "xml:\(root)"
        case .pdf: "pdf"
        case .json: "json"
        case .csv: "csv"
        case .email: "email"
        case .zip: "zip"
        case .unknown: "unknown"
        }
    }

    package init(text: String) {
        switch text {
        case "ubl-Invoice": self = .ublInvoice
        case "ubl-CreditNote": self = .ublCreditNote
        case "cii": self = .cii
        case "pdf": self = .pdf
        case "json": self = .json
        case "csv": self = .csv
        case "email": self = .email
        case "zip": self = .zip
        case "xml": self = .xml(root: "")
        default: self = text.hasPrefix("xml:") ? .xml(root: String(text.dropFirst(4))) : .unknown
        }
    }

    package var isEInvoice: Bool { self == .ublInvoice || self == .ublCreditNote || self == .cii }

    package static func == (lhs: DocumentKind, rhs: DocumentKind) -> Bool { lhs.description == rhs.description }
}

/// What opening a document gave. There is always one: a file that cannot be read is an answer too, with the reason and the place.
package struct DocumentReading: Sendable, Equatable, JSONCoded {
    /// Why nothing could be read.
    package struct Rejection: Sendable, Equatable, JSONCoded {
        /// `DOC_UNREADABLE` (not what it claims to be, broken, hostile, too large) or `DOC_INVALID`.
        package var code: ExceptionCode
        /// A stable dotted reason, such as `xml.doctype`.
        package var reason: String
        package var message: String
        package var line: Int?
        package var column: Int?

        package init(code: ExceptionCode, reason: String, message: String, line: Int? = nil, column: Int? = nil) {
            self.code = code
            self.reason = reason
            self.message = message
            self.line = line
            self.column = column
        }

        package init(json: JSONValue, at pointer: String) throws(Refusal) {
            var fields = try JSONFields(json, at: pointer)
            code = try fields.required("code")
            reason = try fields.required("reason")
            message = try fields.required("message")
            line = try fields.optional("line")
            column = try fields.optional("column")
            try fields.finish()
        }

        package var json: JSONValue {
            .object([
                "code": code.json, "reason": reason.json, "message": message.json, "line": line?.json, "column": column?.json,
            ])
        }
    }

    package var kind: DocumentKind
    /// Header terms exactly as the document writes them, by business term number (`BT-1`), and `lines` with their count. They are
    /// there even where the document lacks too much to become an `Invoice`.
    package var terms: [(term: String, text: String)]
    /// Nil when a required term is missing or unreadable; the findings say which.
    package var invoice: Invoice?
    package var findings: [Finding]
    package var rejection: Rejection?

    package init(
        kind: DocumentKind, terms: [(term: String, text: String)] = [], invoice: Invoice? = nil, findings: [Finding] = [],
        rejection: Rejection? = nil
    ) {
        self.kind = kind
        self.terms = terms
        self.invoice = invoice
        self.findings = findings
        self.rejection = rejection
    }

    /// The text of a term, if the document has it.
    package subscript(term: String) -> String? { terms.first { $0.term == term }?.text }

    package init(json: JSONValue, at pointer: String) throws(Refusal) {
        var fields = try JSONFields(json, at: pointer)
        let kind: String = try fields.required("kind")
        self.init(
            kind: DocumentKind(text: kind), invoice: try fields.optional("invoice"), findings: try fields.list("findings"),
            rejection: try fields.optional("rejected"))
        if let members = fields.raw("terms")?.object {
            for member in members {
                terms.append((term: member.key, text: try String(json: member.value, at: pointer + "/terms")))
            }
        }
        try fields.finish()
    }

    package var json: JSONValue {
        let named = JSONObject(terms.map { (key: $0.term, value: JSONValue.string($0.text)) })
        return .object([
            "kind": .string(kind.description), "terms": .object(named), "invoice": invoice?.json, "findings": findings.json,
            "rejected": rejection?.json,
        ])
    }

    package static func == (lhs: DocumentReading, rhs: DocumentReading) -> Bool { lhs.json == rhs.json }
}
